// The history strip: a small picture of every step the hand rested on, newest first.
//
// Pictures are taken from the canvas, never asked for. The pinned ones stay for good; of the others
// the oldest of each world go. The strip shows those of every world, and several windows share it.
"use strict";

vae43.history = (() => {
  const KEPT = 24; // of each world, besides the pinned ones
  const SIDE = 112; // px of a small picture
  const { store, memory } = vae43;
  let entries = []; // {id, state, hash, image, pinned: time or 0, at}; `step` while it is made
  let list = null;

  // ------------------------------------------------------------------ taking pictures

  function frame({ detail }) {
    const { still, ...shown } = detail.state;
    if (!still || !memory.same(shown, store.state)) return;
    const known = entries.find((entry) => memory.same(entry.state, store.state));
    if (!known) take();
    show();
  }

  // Several rests within one step are one picture, the last.
  function take() {
    const newest = entries[0];
    if (newest && newest.step === memory.step && !newest.pinned) entries.shift();
    const entry = { id: crypto.getRandomValues(new Uint32Array(2)).join("-"), at: Date.now() };
    const { state } = store;
    const { step } = memory;
    const { hash } = vae43.worlds.here;
    entries.unshift({ ...entry, state, step, hash, image: small(state), pinned: 0 });
    trim();
    keeper.soon();
    if (list) list.scrollLeft = 0;
  }

  // The square in the middle, of a picture that goes on beyond it.
  function small(state) {
    const stage = document.querySelector("#stage canvas");
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIDE;
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(stage, ...vae43.original.place(state, stage.width), 0, 0, SIDE, SIDE);
    return canvas.toDataURL("image/webp", 0.85);
  }

  function trim() {
    const room = {};
    entries.sort((a, b) => b.at - a.at);
    entries = entries.filter(({ pinned, state: { world } }) => {
      if (pinned) return true;
      room[world] = (room[world] ?? KEPT) - 1;
      return room[world] >= 0;
    });
  }

  // ------------------------------------------------------------------ storage

  // Each world's pictures lie under its own name.
  const KEY = /^43\.VAE\/(.*)\/history$/s;
  const worldOf = (key) => KEY.exec(key ?? "")?.[1];

  function load() {
    let keys = [];
    try {
      keys = Object.keys(localStorage);
    } catch {
      // a storage closed to this page: the same as an empty one
    }
    entries = keys.map(worldOf).filter((world) => world !== undefined).flatMap(checked);
    trim();
    show();
  }

  function checked(world) {
    const { entries: found } = memory.read(`${world}/history`);
    const good = [];
    for (const entry of Array.isArray(found) ? found : []) {
      const state = memory.usable(entry?.state, world);
      const { id, hash, image, pinned, at } = entry ?? {};
      const drawn = typeof image === "string" && image.startsWith("data:image/");
      if (state?.world !== world || !drawn) continue;
      if (typeof id !== "string" || !Number.isFinite(at)) continue;
      good.push({ id, state, hash: String(hash), image, pinned: Number(pinned) || 0, at });
    }
    return good;
  }

  const keeper = vae43.keeper(() => {
    for (const world of new Set(entries.map(({ state }) => state.world))) {
      const own = entries.filter(({ state }) => state.world === world);
      const kept = own.map(({ step, ...entry }) => entry);
      const pins = kept.filter((entry) => entry.pinned);
      const fits = (some) => memory.write(`${world}/history`, { entries: some });
      if (![kept, pins].some(fits)) return memory.full("history");
    }
    return undefined;
  });

  // Another window has written: what it knows is newer, what only this one knows stays.
  function merge({ key }) {
    const world = worldOf(key);
    if (world === undefined) return;
    const theirs = checked(world);
    const ids = new Set(theirs.map((entry) => entry.id));
    entries = [...theirs, ...entries.filter((entry) => !ids.has(entry.id))];
    trim();
    show();
  }

  // ------------------------------------------------------------------ the strip

  function mount(element) {
    list = element.querySelector(".strip");
    list.addEventListener("click", click);
    list.addEventListener("keydown", walk);
    document.addEventListener("vae43:language", show);
    show();
  }

  function show() {
    if (!list) return;
    const focused = list.contains(document.activeElement) && document.activeElement;
    const back = focused && [focused.parentElement.dataset.id, focused.className];
    const place = list.scrollLeft;
    const here = entries.find((entry) => memory.same(entry.state, store.state));
    list.replaceChildren(...entries.map((entry) => item(entry, entry === (here ?? entries[0]))));
    for (const current of list.querySelectorAll("[aria-current]")) {
      if (!here) current.removeAttribute("aria-current");
    }
    list.scrollLeft = place;
    if (back) list.querySelector(`[data-id="${back[0]}"] .${back[1]}`)?.focus();
  }

  // The current picture is the strip's one stop for the tab key; the arrows go on from there.
  function item(entry, current) {
    const { words } = memory;
    const label = describe(entry);
    const make = (className, text) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className, title: text, tabIndex: current ? 0 : -1 });
      button.setAttribute("aria-label", text);
      return button;
    };
    const go = make("go", words.go.replace("{picture}", label));
    if (current) go.setAttribute("aria-current", "true");
    const image = document.createElement("img");
    Object.assign(image, { src: entry.image, alt: "", draggable: false });
    go.append(image);
    const pin = make("pin", words.pin.replace("{picture}", label));
    pin.setAttribute("aria-pressed", String(Boolean(entry.pinned)));
    const element = document.createElement("li");
    element.dataset.id = entry.id;
    element.append(go, pin);
    if (elsewhere(entry)) {
      const label = document.createElement("span");
      Object.assign(label, { className: "of", textContent: entry.state.world, ariaHidden: "true" });
      go.append(label);
    }
    return element;
  }

  const elsewhere = ({ state }) => state.world !== vae43.worlds.here?.name;

  function describe(entry) {
    const { words } = memory;
    const { state } = entry;
    const { seed, z, name, moves, along } = state;
    const from = z ? (vae43.language.known(name) ?? words.a_picture) : words.a_seed.replace("{seed}", seed);
    const count = Object.keys(moves).length + (along?.length ?? 0);
    const moved = count === 1 ? words.moved_one : words.moved.replace("{count}", count);
    const what = count ? `${from}, ${moved}` : from;
    return elsewhere(entry) ? `${state.world}: ${what}` : what;
  }

  async function click({ target }) {
    const button = target.closest("button");
    const entry = entries.find(({ id }) => id === button?.parentElement.dataset.id);
    if (!entry) return;
    if (button.className === "go") {
      const there = memory.same(entry.state, store.state);
      const arrived = there || (await memory.go(entry.state, "history"));
      const other = arrived && entry.hash !== vae43.worlds.here.hash;
      if (other) vae43.note(memory.words.other_version);
      return show();
    }
    entry.pinned = entry.pinned ? 0 : Date.now();
    trim();
    keeper.soon();
    return show();
  }

  function walk(event) {
    const items = [...list.children];
    const at = items.indexOf(event.target.closest("li"));
    const last = items.length - 1;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const next = items[Math.min(Math.max(to, 0), last)];
    for (const button of list.querySelectorAll("button")) {
      button.tabIndex = next.contains(button) ? 0 : -1;
    }
    next.querySelector(`.${event.target.className}`).focus();
  }

  document.addEventListener("vae43:opening", load);
  document.addEventListener("vae43:frame", frame);
  window.addEventListener("storage", merge);

  return {
    mount,
    // The state that was pinned last, or null.
    get pinned() {
      const pins = entries.filter((entry) => entry.pinned);
      return pins.sort((a, b) => b.pinned - a.pinned)[0]?.state ?? null;
    },
  };
})();
