// Sliders of the artist's own: made from variations that were marked, named, kept in this browser.
//
// A picture that was moved along one carries the direction itself, in the state's field `along`,
//
//   [{ id, z, key, at }]   a direction and how far, zeros left out
//
// so that history, recipes and links need nothing that is kept here. A direction that came with a
// picture from elsewhere is shown as a slider too, and can be kept.
"use strict";

vae43.likes = (() => {
  const MANY = 48; // kept for a world
  const { store } = vae43;
  let root = null;
  let props = null; // {end, step, longest, most, words}
  let kept = []; // {id, name, number, hash, z, key}, as they were made
  let guests = []; // the same, not kept: just made, or come with a picture
  let at = { name: null, hash: null }; // the world they are of
  let gone = null; // {row, index, at, name}: the one that was deleted last
  const marked = new Map(); // a start as text → {z, key, liked}

  const find = (selector) => root.querySelector(selector);
  const along = (state = store.state) => (Array.isArray(state.along) ? state.along : []);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const whole = (row) => [row?.z, row?.key].every((part) => part?.length && part.every(Number.isFinite));

  // ------------------------------------------------------------------ mounting and storage

  function mount(element, given) {
    root = element;
    props = given;
    const rows = find(".rows");
    rows.addEventListener("input", input);
    rows.addEventListener("change", change);
    rows.addEventListener("click", click);
    rows.addEventListener("dblclick", ({ target }) => {
      if (target.type === "range") move(rowOf(target), 0);
    });
    rows.addEventListener("keydown", ({ key, target }) => {
      if (key === "Enter" && target.className === "name") target.blur();
    });
    store.listen(changed);
    vae43.worlds.follow(load);
    document.addEventListener("click", ({ target }) => {
      if (target.closest?.("#reset-all") && along().length) put(null, "reset");
    });
    window.addEventListener("storage", ({ key }) => {
      if (key === `43.VAE/${place()}`) load();
    });
  }

  const place = () => `${vae43.worlds.here.name}/likes`;

  function load({ name, hash } = vae43.worlds.here) {
    const other = name !== at.name || hash !== at.hash;
    at = { name, hash };
    const { rows } = vae43.memory.read(place());
    kept = (Array.isArray(rows) ? rows : []).filter(
      (row) => whole(row) && typeof row.id === "string" && typeof row.name === "string");
    if (other) {
      [guests, gone] = [[], null];
      marked.clear();
    }
    meet();
    draw();
    count();
  }

  function write() {
    kept = kept.slice(-MANY);
    if (!vae43.memory.write(place(), { rows: kept })) vae43.memory.full("likes");
  }

  // A direction of other weights than these points nowhere here.
  const usable = () => kept.filter(({ hash }) => hash === vae43.worlds.here.hash);
  const all = () => [...usable(), ...guests];

  // ------------------------------------------------------------------ the state

  // Directions that came with a picture get a slider; undo brings back what was deleted.
  function meet() {
    const known = new Set(all().map(({ id }) => id));
    const here = along().filter((move) => whole(move) && !known.has(move.id));
    for (const { id, z, key } of here) {
      if (id === gone?.row.id) restore();
      else guests.push({ id, z, key, name: "", hash: vae43.worlds.here.hash });
    }
    return here.length > 0;
  }

  function changed(state, _kind, before) {
    if (along(state) === along(before)) return;
    if (meet()) draw();
    else show();
  }

  function move(row, value) {
    const { id, z, key } = row;
    const others = along().filter((one) => one.id !== id);
    if (value && others.length >= props.most) {
      show();
      return vae43.note(fill(props.words.full, { count: props.most }));
    }
    const moves = value ? [...others, { id, z, key, at: value }] : others;
    return put(moves.sort((a, b) => (a.id < b.id ? -1 : 1)), `along:${id}`);
  }

  function put(moves, kind) {
    store.change(kind, { along: moves?.length ? moves : null });
  }

  // ------------------------------------------------------------------ the rows

  const make = (tag, fields, ...children) => {
    const { data = {}, ...own } = fields;
    const element = Object.assign(document.createElement(tag), own);
    for (const [name, value] of Object.entries(data)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  // Until it is given a name: by its number where it was made here.
  const named = ({ name, number }) =>
    name || (number ? fill(props.words.numbered, { number }) : props.words.carried);

  function draw() {
    if (!root) return;
    const rows = all();
    find(".rows").replaceChildren(...rows.map(build));
    const { words } = props;
    find(".gone").replaceChildren();
    if (gone) {
      const undo = make("button", { type: "button", className: "undo", textContent: words.undo });
      undo.addEventListener("click", () => {
        restore();
        draw();
      });
      find(".gone").append(fill(words.deleted, { name: named(gone.row) }), " ", undo);
    }
    find("section").hidden = !rows.length && !gone;
    show();
  }

  function build(row) {
    const { words, end, step, longest } = props;
    const ends = { min: -end, max: end, step, value: 0 };
    const label = named(row);
    const called = { "aria-label": label };
    const name = make("input", {
      type: "text",
      className: "name",
      value: label,
      maxLength: longest,
      title: words.name,
      spellcheck: false,
      data: { "aria-label": words.name },
    });
    const button = (className, text, title) =>
      make("button", { type: "button", className, textContent: text, title, data: { "aria-label": title } });
    const remove = button("delete", "×", fill(words.delete, { name: label }));
    const keep = button("keep", words.keep, fill(words.keep_note, { name: label }));
    keep.hidden = kept.some(({ id }) => id === row.id);
    const line = make("div", { className: "line" }, name,
      make("input", { type: "range", ...ends, data: called }),
      make("input", { type: "number", ...ends, data: called }), remove);
    const block = make("div", { className: "block", data: { "data-id": row.id } }, line, keep);
    block.style.setProperty("--zero", "50%");
    return block;
  }

  const blockOf = (id) => [...root.querySelectorAll(".block")].find((one) => one.dataset.id === id);
  const rowOf = (target) => {
    const id = target.closest(".block")?.dataset.id;
    return all().find((row) => row.id === id);
  };

  function show() {
    if (!root) return;
    const places = new Map(along().map(({ id, at }) => [id, at]));
    for (const { id } of all()) {
      const block = blockOf(id);
      if (!block) continue; // it is about to be drawn
      const at = Number(places.get(id) ?? 0);
      const range = block.querySelector("input[type=range]");
      const number = block.querySelector("input[type=number]");
      if (Number(range.value) !== at) range.value = at;
      if (number !== document.activeElement) number.value = Math.round(100 * at) / 100;
      block.style.setProperty("--at", `${50 + (50 * at) / props.end}%`);
      block.classList.toggle("moved", Boolean(at));
    }
  }

  function input({ target }) {
    const value = Number(target.value);
    if (target.className === "name" || target.value === "" || !Number.isFinite(value)) return;
    move(rowOf(target), Math.min(Math.max(value, -props.end), props.end));
  }

  function change({ target }) {
    const row = rowOf(target);
    if (target.className === "name") rename(row, target.value.trim());
    else show();
  }

  function rename(row, name) {
    if (name && name !== named(row)) {
      row.name = name;
      if (kept.includes(row)) write();
    }
    draw();
  }

  function click({ target }) {
    const row = target.closest("button") && rowOf(target);
    if (!row) return;
    if (target.className === "keep") keep(row);
    if (target.className === "delete") remove(row);
  }

  function keep(row) {
    guests = guests.filter((one) => one !== row);
    kept.push(row.number ? row : { ...row, name: named(row) });
    write();
    draw();
    blockOf(row.id).querySelector("input[type=range]").focus({ preventScroll: true });
  }

  function remove(row) {
    const at = along().find(({ id }) => id === row.id)?.at ?? 0;
    const index = kept.indexOf(row);
    gone = { row, index, at };
    if (index < 0) guests = guests.filter((one) => one !== row);
    else kept.splice(index, 1);
    write();
    if (at) move(row, 0);
    draw();
    find(".undo").focus({ preventScroll: true });
  }

  function restore() {
    const { row, index, at } = gone;
    gone = null;
    if (index < 0) guests.push(row);
    else kept.splice(index, 0, row);
    write();
    if (at && !along().some(({ id }) => id === row.id)) move(row, at);
  }

  // ------------------------------------------------------------------ marks on variations

  const textOf = ({ z, key }) => `${z}/${key}`;

  // Stand marks on a sheet's tiles. `starts()`: what each tile starts from, null for the middle.
  function marks(section, starts) {
    const tiles = section.querySelector(".tiles");
    const grid = make("div", { className: "marks" });
    const tiled = make("div", { className: "tiled" });
    tiles.replaceWith(tiled); // before it takes them: nothing can stand within itself
    tiled.append(tiles, grid);
    grid.style.setProperty("--columns", tiles.dataset.columns);
    const buttons = [...tiles.children].map((tile) => {
      const pair = ["like", "dislike"].map((kind) => {
        const text = kind === "like" ? "+" : "−";
        const button = make("button", { type: "button", className: kind, textContent: text, tabIndex: -1 });
        button.addEventListener("click", () => mark(tile, kind === "like"));
        return button;
      });
      grid.append(make("span", {}, ...pair));
      return pair;
    });
    const startOf = (tile) => starts()?.[[...tiles.children].indexOf(tile)];
    const mark = (tile, liked) => {
      const start = startOf(tile);
      if (!start) return;
      const text = textOf(start);
      if (marked.get(text)?.liked === liked) marked.delete(text);
      else marked.set(text, { ...start, liked });
      refresh();
      count();
    };
    tiles.addEventListener("keydown", ({ key, target }) => {
      if (["+", "=", "-", "−"].includes(key)) mark(target, key === "+" || key === "=");
    });
    const refresh = () => {
      [...tiles.children].forEach((tile, i) => {
        const start = startOf(tile);
        const found = start && marked.get(textOf(start));
        buttons[i].forEach((button, j) => {
          const on = Boolean(found) && found.liked === (j === 0);
          const text = props.words[j ? "dislike" : "like"];
          button.hidden = !start;
          button.setAttribute("aria-pressed", on);
          button.setAttribute("aria-label", fill(text, { variation: tile.title }));
        });
        tile.classList.toggle("liked", found?.liked === true);
        tile.classList.toggle("disliked", found?.liked === false);
      });
    };
    const panel = section.querySelector(".marked");
    panel.querySelector(".make").addEventListener("click", turn);
    panel.querySelector(".clear").addEventListener("click", () => {
      marked.clear();
      refresh();
      count();
    });
    document.addEventListener("vae43:language", refresh);
    return refresh;
  }

  function count() {
    const panel = document.querySelector("#variations .marked");
    if (!panel || !props) return;
    const { words } = props;
    const many = (liked) => [...marked.values()].filter((one) => one.liked === liked).length;
    const liked = many(true) && fill(words.liked, { count: many(true) });
    const disliked = many(false) && fill(words.disliked, { count: many(false) });
    const both = liked && disliked && fill(words.both, { liked, disliked });
    panel.querySelector(".counts").textContent = both || liked || disliked || "";
    panel.querySelector(".marking").hidden = Boolean(marked.size);
    for (const name of ["make", "clear"]) panel.querySelector(`.${name}`).hidden = !marked.size;
  }

  // Ask for the direction, and put its slider under the hand.
  async function turn() {
    const side = (liked) =>
      [...marked.values()].filter((one) => one.liked === liked).map(({ z, key }) => ({ z, key }));
    const asked = { ...vae43.snapshot(), liked: side(true), disliked: side(false) };
    const { hash, name: world } = vae43.worlds.here;
    const answer = await vae43.asked(() => vae43.server.direction(asked));
    if (answer.error) return vae43.note(answer.error);
    if (vae43.worlds.here.name !== world) return undefined;
    const id = [...crypto.getRandomValues(new Uint8Array(6))].map((byte) =>
      byte.toString(16).padStart(2, "0")).join("");
    const number = usable().length + 1;
    const unused = (row) => along().some((one) => one.id === row.id);
    guests = [...guests.filter(unused), { id, name: "", number, hash, z: answer.z, key: answer.key }];
    gone = null;
    draw();
    const range = blockOf(id).querySelector("input[type=range]");
    range.focus({ preventScroll: true });
    return range.scrollIntoView({ block: "center", behavior: "auto" });
  }

  return { mount, marks };
})();
