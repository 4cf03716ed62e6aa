// The sliders of the world on the page: the strongest of each kind in reach, the rest folded away.
//
// They are plain inputs. What an artist does goes into the state, and what the state says is shown:
// there is no other way from one to the other.
"use strict";

vae43.sliders = (() => {
  const KINDS = ["style", "surface", "form"];
  const { store } = vae43;
  let root = null;
  let props = null; // {shown, step, words}
  let rows = new Map(); // name → {name, id, label, low, high, …, block, range, number, reset}
  const unfolded = new Set();

  function mount(element, given) {
    root = element.querySelector(".groups");
    props = given;
    root.addEventListener("input", input);
    root.addEventListener("change", settle);
    root.addEventListener("click", click);
    store.listen(changed);
    vae43.worlds.follow(draw);
    document.addEventListener("vae43:holding", () => {
      for (const row of rows.values()) tell(row);
    });
  }

  // ------------------------------------------------------------------ drawing

  const make = (tag, fields = {}, ...children) => {
    const { data = {}, ...own } = fields;
    const element = Object.assign(document.createElement(tag), own);
    for (const [name, value] of Object.entries(data)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  function draw({ sliders }) {
    rows = new Map(sliders.map((row) => [row.name, build(row)]));
    const groups = KINDS.filter((kind) => sliders.some((row) => row.kind === kind)).map(group);
    root.replaceChildren(...groups);
    for (const row of rows.values()) show(row, store.state.moves[row.name] ?? 0);
  }

  function group(kind) {
    const { words, shown } = props;
    const blocks = [...rows.values()].filter((row) => row.kind === kind).map((row) => row.block);
    const title = make("h2", { textContent: words[kind] });
    const note = make("p", { textContent: words[`${kind}_note`] });
    const parts = [make("header", { className: "prose" }, title, note), ...blocks.slice(0, shown)];
    if (blocks.some(({ id }) => byId(id).holds)) parts.splice(1, 0, vae43.holding.element(words));
    if (blocks.length > shown) parts.push(fold(kind, blocks.slice(shown)));
    return make("section", { className: "sliders", id: `${kind}-sliders` }, ...parts);
  }

  function fold(kind, blocks) {
    const open = unfolded.has(kind);
    const folded = make("div", { id: `folded-${kind}`, hidden: !open }, ...blocks);
    const label = make("button", {
      type: "button",
      className: "label-wrap",
      textContent: props.words.more.replace("{count}", blocks.length),
      data: { "aria-expanded": open, "aria-controls": folded.id },
    });
    label.addEventListener("click", () => {
      folded.hidden = !folded.hidden;
      label.setAttribute("aria-expanded", !folded.hidden);
      unfolded[folded.hidden ? "delete" : "add"](kind);
    });
    return make("div", { className: "gr-accordion", id: `more-${kind}` }, label, folded);
  }

  function build(row) {
    const { id, label, low, high } = row;
    const ends = { min: low, max: high, step: props.step, value: 0 };
    const told = { "aria-labelledby": `${id}-name`, "aria-describedby": `${id}-info` };
    const range = make("input", { type: "range", id: `${id}-range`, ...ends, data: told });
    const number = make("input", { type: "number", ...ends, data: { "aria-label": label } });
    const again = props.words.reset.replace("{name}", label);
    const reset = make("button", {
      type: "button",
      className: "reset-button",
      textContent: "↺",
      title: again,
      data: { "aria-label": again },
    });
    const info = make("span", { id: `${id}-info`, className: "info-text" });
    const name = make("label", { htmlFor: range.id },
      make("span", { id: `${id}-name`, textContent: label, data: { "data-testid": "block-info" } }),
      info);
    const line = make("div", { className: "line" }, name, range, number, reset);
    const block = make("div", { className: "block", id }, line);
    block.style.setProperty("--zero", share(row, 0));
    return tell({ ...row, block, range, number, reset, said: info });
  }

  // What was measured about a slider is another thing while the rest is held.
  function tell(row) {
    row.said.textContent = vae43.holding.on(row) ? row.holds : row.info;
    return row;
  }

  const share = ({ low, high }, value) =>
    `${((100 * (Math.min(Math.max(value, low), high) - low)) / (high - low)).toFixed(2)}%`;

  function show(row, value) {
    const { block, range, number, reset } = row;
    if (Number(range.value) !== value) range.value = value;
    if (number !== document.activeElement) number.value = Math.round(100 * value) / 100;
    block.style.setProperty("--at", share(row, value));
    block.classList.toggle("moved", Boolean(value));
    reset.disabled = !value;
  }

  // ------------------------------------------------------------------ from the hand, from the state

  const byId = (id) => [...rows.values()].find((row) => row.id === id);
  const rowOf = (target) => byId(target.closest(".block")?.id);

  function input({ target }) {
    const row = rowOf(target);
    if (!row || target.value === "" || !Number.isFinite(Number(target.value))) return;
    move(row, Math.min(Math.max(Number(target.value), row.low), row.high));
  }

  // What was typed is shown as it was taken, once the field is left.
  function settle({ target }) {
    const row = rowOf(target);
    if (row && target === row.number) target.value = store.state.moves[row.name] ?? 0;
  }

  function click({ target }) {
    const row = target.closest("button.reset-button") && rowOf(target);
    if (!row) return;
    row.range.focus({ preventScroll: true });
    move(row, 0);
  }

  function move(row, value) {
    const { name } = row;
    if (value === (store.state.moves[name] ?? 0) && !vae43.holding.waits(row)) return;
    show(row, value); // where its way is yet unknown the picture follows later
    vae43.holding.go(row, value, (patch) => store.change(`move:${name}`, patch));
  }

  function reset() {
    if (Object.keys(store.state.moves).length) store.change("reset", { moves: {}, held: null });
  }

  function changed({ moves }, _kind, before) {
    if (moves === before.moves) return;
    for (const name of Object.keys({ ...before.moves, ...moves })) {
      const row = rows.get(name);
      if (row && moves[name] !== before.moves[name]) show(row, moves[name] ?? 0);
    }
  }

  return {
    ...{ mount, reset },
    byId, // the row of a slider by the id of its block
    // Every slider where the state has it, whatever a hand did meanwhile.
    show: () => rows.forEach((row) => show(row, store.state.moves[row.name] ?? 0)),
  };
})();
