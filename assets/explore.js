// Variations of the picture and the field of two sliders: sheets of tiles that one can go to.
//
// A sheet is asked for when it is opened and, while it is open, once the picture has come to rest
// in another state; one request at a time. A tile leads to the very state it was drawn from.
"use strict";

// One sheet: `question(state)` → what the server is asked, `name` → which function, `lead(answer,
// i, state)` → the state a tile leads to or null, `label(answer, i)` → what it is called.
class TileSheet {
  static REST = 350; // ms without a change until a new sheet is asked for

  constructor(section, { name, question, lead, label, here, words }) {
    Object.assign(this, { section, name, question, lead, label, here, words });
    this.group = section.querySelector(".tiles");
    this.tiles = [...this.group.querySelectorAll("button")];
    this.columns = Number(this.group.dataset.columns);
    this.busy = false;
    this.asked = null; // the question of the sheet on show, as text
    this.shown = null; // {answer, state}: the sheet on show and what it was drawn from
    this.group.addEventListener("keydown", vae43.walk);
    this.group.addEventListener("click", (event) => this.go(this.tiles.indexOf(event.target)));
    section.querySelector(".keep").addEventListener("click", () => this.keep());
    vae43.store.listen(() => this.later());
    vae43.worlds.follow((_, anew) => anew && this.forget());
    document.addEventListener("vae43:language", () => {
      queueMicrotask(() => this.shown && this.draw()); // once the sliders have their other names
    });
  }

  // What was drawn by another world leads nowhere in this one.
  forget() {
    [this.asked, this.shown] = [null, null];
    this.group.classList.add("blank");
  }

  get open() {
    return !this.section.hidden;
  }

  later(rest = TileSheet.REST) {
    clearTimeout(this.timer);
    if (this.open) this.timer = setTimeout(() => this.refresh(), rest);
  }

  async refresh() {
    if (!this.open || this.busy || !vae43.server) return;
    const { state } = vae43.store;
    const data = this.question(state);
    const text = JSON.stringify(data);
    if (text === this.asked) return this.mark();
    this.busy = true;
    this.group.setAttribute("aria-busy", "true");
    const answer = await vae43.asked(() => vae43.server[this.name](data));
    this.busy = false;
    this.group.removeAttribute("aria-busy");
    if (answer.error) return vae43.note(answer.error);
    if (state.world === vae43.store.state.world) {
      this.asked = text;
      this.shown = { answer, state };
      this.draw();
    }
    this.later(0); // the picture may have moved on meanwhile
  }

  draw() {
    const { answer } = this.shown;
    vae43.cut(this.tiles, answer.webp, this.columns);
    this.tiles.forEach((tile, i) => {
      tile.title = this.label(answer, i);
      tile.setAttribute("aria-label", tile.title);
    });
    this.drawn?.();
    this.group.classList.remove("blank");
    this.mark();
  }

  mark() {
    const here = this.here(this.shown.answer, vae43.store.state);
    const stop = this.tiles.find((tile) => tile === document.activeElement);
    this.tiles.forEach((tile, i) => {
      tile.toggleAttribute("aria-current", i === here);
      tile.tabIndex = (stop ? tile === stop : i === Math.max(here, 0)) ? 0 : -1;
    });
  }

  go(i) {
    const to = this.shown && i >= 0 && this.lead(this.shown.answer, i, this.shown.state);
    if (to) vae43.restore(to, this.name);
  }

  // The sheet as a file, with every pixel of its pictures.
  async keep() {
    vae43.say(this.words.drawing, "busy", 10);
    const data = { ...this.question(vae43.store.state), sheet: true };
    const answer = await vae43.asked(() => vae43.server[this.name](data));
    if (answer.error) return vae43.note(answer.error);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(vae43.blob(answer.png, "image/png"));
    link.download = `${this.words[`${this.name}_file`]}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    vae43.say("");
  }
}

vae43.explore = (() => {
  const MIDDLE = 4;
  let words = {};
  let root = null;

  function mount(element, props) {
    root = element;
    words = props.words;
    const sheets = new Map([["variations", variations()]]);
    sheets.set("field", field(props.kinds));
    const pad = root.querySelector("#blend");
    vae43.blend.mount(pad, props);
    sheets.set("blend", { section: pad, refresh: () => vae43.blend.open() });
    for (const door of root.querySelectorAll(".door")) {
      door.addEventListener("click", () => turn(door, sheets));
    }
  }

  // One door is open at a time.
  function turn(door, sheets) {
    const opening = door.getAttribute("aria-expanded") !== "true";
    for (const other of root.querySelectorAll(".door")) {
      const open = opening && other === door;
      other.setAttribute("aria-expanded", open);
      sheets.get(other.dataset.opens).section.hidden = !open;
    }
    document.getElementById("create").classList.toggle("exploring", opening);
    if (opening) sheets.get(door.dataset.opens).refresh();
  }

  function variations() {
    const section = root.querySelector("#variations");
    const reach = section.querySelector(".reach");
    let directions = 1;
    const sheet = new TileSheet(section, {
      name: "variations",
      words,
      question: (state) => ({
        ...vae43.snapshot(state),
        directions,
        reach: Number(reach.value),
      }),
      lead: ({ starts }, i, state) =>
        starts[i] && { ...state, ...starts[i], name: words.variation_name },
      label: ({ starts }, i) => {
        if (!starts[i]) return words.middle;
        const number = i < MIDDLE ? i + 1 : i;
        const text = words.variation.replace("{number}", number);
        return text.replace("{count}", starts.length - 1);
      },
      here: () => MIDDLE,
    });
    sheet.drawn = vae43.likes.marks(section, () => sheet.shown?.answer.starts);
    reach.addEventListener("input", () => sheet.later(120));
    section.querySelector(".again").addEventListener("click", () => {
      directions = Math.floor(Math.random() * 2 ** 32);
      sheet.refresh();
    });
    return sheet;
  }

  // The sliders to choose from, by kind; a world with fewer than two has no field.
  function choose(selects, rows, kinds) {
    for (const select of selects) {
      const groups = Object.keys(kinds).map((kind) => {
        const group = document.createElement("optgroup");
        group.label = kinds[kind];
        const own = rows.filter((row) => row.kind === kind);
        group.append(...own.map((row) => new Option(row.label, row.name)));
        return group;
      });
      select.replaceChildren(...groups.filter((group) => group.children.length));
    }
    const first = Object.keys(kinds).flatMap((kind) => rows.find((row) => row.kind === kind) ?? []);
    const [one, two] = first.length > 1 ? first : rows;
    if (!two) return closeField();
    [selects[0].value, selects[1].value] = [one.name, two.name];
    return undefined;
  }

  function closeField() {
    const door = root.querySelector("[data-opens=field]");
    if (door.getAttribute("aria-expanded") === "true") door.click();
  }

  function field(kinds) {
    const section = root.querySelector("#field");
    const [across, up] = ["across", "up"].map((name) => section.querySelector(`.${name}`));
    let known = new Map();
    vae43.worlds.follow(({ sliders }, anew) => {
      known = new Map(sliders.map((row) => [row.name, row]));
      root.querySelector("[data-opens=field]").hidden = sliders.length < 2;
      const chosen = [across.value, up.value];
      choose([across, up], sliders, kinds);
      if (!anew) [across.value, up.value] = chosen;
    });
    const place = (value) =>
      `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`;
    const away = (state) => (move) =>
      Object.entries(move).reduce(
        (sum, [name, value]) => sum + Math.abs(value - (state.moves[name] ?? 0)), 0);
    const sheet = new TileSheet(section, {
      name: "field",
      words,
      question: (state) => {
        const pair = { across: across.value, up: up.value };
        return { ...vae43.holding.without(vae43.snapshot(state), Object.values(pair)), ...pair };
      },
      lead: ({ moves }, i, state) => {
        const still = vae43.holding.without(state, Object.keys(moves[i]));
        const to = { ...still.moves, ...moves[i] };
        for (const name of Object.keys(to)) if (!to[name]) delete to[name];
        return { ...still, held: still.held ?? null, moves: to };
      },
      label: ({ moves }, i) => {
        const [[x, at], [y, high]] = Object.entries(moves[i]);
        const parts = { x: place(at), y: place(high) };
        return words.place.replace("{across}", known.get(x).label)
          .replace("{up}", known.get(y).label)
          .replace("{x}", parts.x).replace("{y}", parts.y);
      },
      here: ({ moves }, state) => {
        const far = moves.map(away(state));
        return far.indexOf(Math.min(...far));
      },
    });
    const chosen = (select, other) => {
      if (select.value === other.value) {
        const next = [...other.options].find((option) => option.value !== select.value);
        other.value = next.value;
      }
      sheet.refresh();
    };
    across.addEventListener("change", () => chosen(across, up));
    up.addEventListener("change", () => chosen(up, across));
    return sheet;
  }

  return { mount };
})();
