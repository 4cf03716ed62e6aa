// The history strip: a small picture of every step the hand rested on, newest first.
//
// Pictures are taken from the canvas, never asked for. The pinned ones stay for good; of the others
// the oldest go. Several windows on the same world share the strip.
"use strict";

vae43.history = (() => {
  const KEPT = 24; // besides the pinned ones
  const SIDE = 112; // px of a small picture
  const CALM = 400; // ms until it is written down
  const { store, memory } = vae43;
  let entries = []; // {id, state, hash, image, pinned: time or 0, at}; `step` while it is made
  let list = null;
  let writing = null;

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
    entries.unshift({ ...entry, state, step, hash: memory.world.hash, image: small(), pinned: 0 });
    trim();
    writeSoon();
    if (list) list.scrollLeft = 0;
  }

  function small() {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIDE;
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(document.querySelector("#stage canvas"), 0, 0, SIDE, SIDE);
    return canvas.toDataURL("image/webp", 0.85);
  }

  function trim() {
    let room = KEPT;
    entries.sort((a, b) => b.at - a.at);
    entries = entries.filter((entry) => entry.pinned || room-- > 0);
  }

  // ------------------------------------------------------------------ storage

  function load() {
    entries = checked(memory.read("history"));
    trim();
    show();
  }

  function checked({ entries: found }) {
    const good = [];
    for (const entry of Array.isArray(found) ? found : []) {
      const state = memory.usable(entry?.state);
      const { id, hash, image, pinned, at } = entry ?? {};
      const drawn = typeof image === "string" && image.startsWith("data:image/");
      if (!state || !drawn || typeof id !== "string" || !Number.isFinite(at)) continue;
      good.push({ id, state, hash: String(hash), image, pinned: Number(pinned) || 0, at });
    }
    return good;
  }

  function writeSoon() {
    clearTimeout(writing);
    writing = setTimeout(writeNow, CALM);
  }

  function writeNow() {
    if (writing === null) return;
    clearTimeout(writing);
    writing = null;
    const kept = entries.map(({ step, ...entry }) => entry);
    const pins = kept.filter((entry) => entry.pinned);
    const written = [kept, pins].some((some) => memory.write("history", { entries: some }));
    if (!written) memory.full("history");
  }

  // Another window has written: what it knows is newer, what only this one knows stays.
  function merge({ key }) {
    if (key !== `43.VAE/${memory.world.name}/history`) return;
    const theirs = checked(memory.read("history"));
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
    return element;
  }

  function describe({ state }) {
    const { words } = memory;
    const { seed, z, name, moves } = state;
    const from = z ? (name ?? words.a_picture) : words.a_seed.replace("{seed}", seed);
    const count = Object.keys(moves).length;
    const moved = count === 1 ? words.moved_one : words.moved.replace("{count}", count);
    return count ? `${from}, ${moved}` : from;
  }

  function click({ target }) {
    const button = target.closest("button");
    const entry = entries.find(({ id }) => id === button?.parentElement.dataset.id);
    if (!entry) return;
    if (button.className === "go") {
      if (!memory.same(entry.state, store.state)) memory.go(entry.state, "history");
      if (entry.hash !== memory.world.hash) vae43.note(memory.words.other_version);
      return show();
    }
    entry.pinned = entry.pinned ? 0 : Date.now();
    trim();
    writeSoon();
    show();
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
  document.addEventListener("visibilitychange", () => document.hidden && writeNow());
  window.addEventListener("pagehide", writeNow);
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
