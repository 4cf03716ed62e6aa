// What the page remembers: every step of the hand, in this browser's storage and in its address.
//
// The stage asks nobody for its first state; `vae43:opening` lets this script put back what was
// there: a link comes before what is stored, and what was stored is one undo away. Every state names
// its world: going to one of another world goes to that world.
"use strict";

vae43.memory = (() => {
  const TOGETHER = 60; // ms: changes as close as this are one act of the hand ("Reset sliders")
  const REST = 600; // ms: the same control moved again after this is another step
  const STEPS = 200;
  const LINK = 1; // version of the link
  const LONGEST = 100000; // letters of a link
  const SILENT = new Set(["open", "undo", "redo"]); // changes that are not steps
  const TEXT = "textarea, select, [contenteditable=true], input:not([type=range], [type=checkbox],"
    + " [type=radio], [type=button], [type=file], [type=color])";
  const { store } = vae43;
  let words = {};
  let start = ""; // the world that the server opens with
  let travelling = false;
  let panel = null; // {undo, redo, link}
  let past = [];
  let future = [];
  let last = null; // {kind, gesture, at} of the last change
  let gesture = 0; // grows with every press
  let step = 0; // grows with every step
  let opened = false; // whether a picture has been shown
  let held = ""; // what is to be told once it has
  let fallbacks = []; // where to start if the world refuses what was put back
  const complained = new Set();

  // ------------------------------------------------------------------ steps

  function changed(state, kind, before) {
    if (before.seed === null) return;
    keeper.soon();
    if (SILENT.has(kind)) return;
    const at = performance.now();
    const near = last && last.gesture === gesture ? at - last.at : Infinity;
    if (near > (kind === last?.kind ? REST : TOGETHER)) {
      past = [...past.slice(1 - STEPS), before];
      step++;
    }
    future = [];
    last = { kind, gesture, at };
    show();
  }

  async function undo() {
    await travel("undo", past, future, (from, to) => ([past, future] = [from, to]));
  }

  async function redo() {
    await travel("redo", future, past, (from, to) => ([future, past] = [from, to]));
  }

  // Take the last state of one pile that differs from what is shown; what is shown goes to the other.
  async function travel(kind, from, to, pile) {
    const here = store.state;
    const there = from.findLastIndex((state) => !same(state, here));
    if (there < 0 || travelling) return;
    travelling = true;
    const arrived = await go(from[there], kind);
    travelling = false;
    if (!arrived) return; // its world is not to be had; it may be later
    last = null;
    step++;
    pile(from.slice(0, there), [...to, here]);
    keeper.soon();
    show();
  }

  // Go to a state, and to its world where that is another. Returns whether the page is there now.
  // `gone`: what is said where there is no such world.
  async function go(state, kind, gone) {
    const to = state.world ?? store.state.world;
    if (to !== vae43.worlds.here.name) return vae43.worlds.enter(to, state, kind, gone);
    vae43.restore(fitted(vae43.whole(state, state.name)), kind);
    return true;
  }

  // What a world has no slider for was moved before it was trained anew; what lies beyond the end of
  // one, as the server would draw it, lies at its end.
  function fitted(state) {
    const known = new Map(vae43.worlds.here.sliders.map((slider) => [slider.name, slider]));
    const names = Object.keys({ ...state.moves, ...state.held }).filter((name) => !known.has(name));
    const here = vae43.holding.without(state, names);
    const within = ([name, value]) => {
      const { low, high } = known.get(name);
      return [name, Math.min(Math.max(value, low), high)];
    };
    const moves = Object.fromEntries(Object.entries(here.moves ?? {}).map(within));
    return { ...here, moves, held: here.held ?? null };
  }

  function same(a, b) {
    return textOf(a) === textOf(b);
  }

  // A state as text, the same for the same picture: sorted, without what only the page knows.
  function textOf(state) {
    const sorted = (_, value) =>
      value && typeof value === "object" && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
        : value;
    return JSON.stringify(vae43.snapshot(state), sorted);
  }

  function show() {
    if (!panel) return;
    panel.undo.disabled = !past.length;
    panel.redo.disabled = !future.length;
  }

  // ------------------------------------------------------------------ storage

  function read(what) {
    try {
      const found = JSON.parse(localStorage.getItem(`43.VAE/${what}`));
      return found && typeof found === "object" ? found : {};
    } catch {
      return {}; // damaged, or closed to this page: the same as nothing
    }
  }

  // Returns whether there was room.
  function write(what, value) {
    try {
      localStorage.setItem(`43.VAE/${what}`, JSON.stringify(value));
      return true;
    } catch {
      return false;
    }
  }

  // Say once that there is no room; the page goes on without.
  function full(what) {
    if (complained.has(what) || !vae43.words) return;
    complained.add(what);
    vae43.note(words.full);
  }

  const keeper = vae43.keeper(() => {
    const { name, hash } = vae43.worlds.here;
    const kept = write("world", { name, start }) && write(`${name}/state`, { hash, state: store.state });
    const pile = (states, count) => (count ? states.slice(-count) : []);
    const fits = (count) =>
      write("steps", { past: pile(past, count), future: pile(future, count) });
    if (!kept || ![STEPS, 40, 0].some(fits)) full("state");
  });

  // The picture of a world as it was left, or null.
  function left(name) {
    const found = usable(read(`${name}/state`).state, name);
    return found?.world === name ? found : null;
  }

  // Say where a world is no longer the one it was when it was left.
  function aged(name) {
    const { hash } = read(`${name}/state`);
    if (hash !== undefined && hash !== vae43.worlds.here.hash) tell(words.other_version);
  }

  // A state from outside as one that can be shown, or null. The world itself judges the rest.
  function usable(found, at) {
    if (!found || typeof found !== "object") return null;
    const { seed, z, key, name, moves, world: own, ...rest } = found;
    const world = typeof own === "string" ? own : at;
    if (typeof world !== "string") return null;
    const numbers = (list) => Array.isArray(list) && list.length && list.every(Number.isFinite);
    const seeded = typeof seed === "number" && vae43.isSeed(seed);
    const latents = numbers(z) && numbers(key);
    if (!latents && (!seeded || z || key)) return null;
    const known = Object.entries(moves ?? {}).filter(
      ([, value]) => Number.isFinite(value) && value,
    );
    const from = { world, ...(latents ? { z, key } : {}), ...(seeded ? { seed } : {}) };
    const label = typeof name === "string" ? name : null;
    return vae43.whole({ ...rest, ...from, moves: Object.fromEntries(known) }, label);
  }

  // ------------------------------------------------------------------ links

  function address() {
    const { name, hash } = vae43.worlds.here;
    const { world: _, ...state } = vae43.snapshot();
    const whole = { v: LINK, w: name, h: hash, s: state };
    const bytes = new TextEncoder().encode(JSON.stringify(whole));
    const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    return `#s=${text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
  }

  function writeLink() {
    const hash = address();
    if (hash === location.hash) return;
    try {
      window.history.replaceState(window.history.state, "", hash);
    } catch {
      // a browser that finds this too often keeps the older address until the next rest
    }
  }

  // The state in the address: null where there is none, {says} where it cannot be used.
  function readLink() {
    const text = /^#s=(.*)$/s.exec(location.hash)?.[1];
    if (text === undefined) return null;
    let link = null;
    try {
      if (text.length > LONGEST) throw new RangeError("too long");
      const letters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
      const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
      link = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch {
      return { says: words.link_damaged };
    }
    if (link?.v !== LINK || typeof link.w !== "string") return { says: words.link_damaged };
    const state = usable({ ...link.s, world: link.w });
    return state ? { state, hash: link.h } : { says: words.link_damaged };
  }

  // Returns whether the page is where the link leads, and was not before.
  async function openLink(kind) {
    const link = readLink();
    if (link?.says) tell(link.says);
    if (!link?.state) return false;
    const { world } = link.state;
    const news = !same(link.state, store.state);
    const arrived = news && (await go(link.state, kind, foreign(world)));
    const here = vae43.worlds.here;
    if (world === here.name && link.hash !== here.hash) tell(words.link_other_version);
    return arrived;
  }

  function foreign(world) {
    const says = words.link_other_world.replace("{name}", world.slice(0, 40));
    return says.replace("{here}", vae43.worlds.here.name);
  }

  async function copyLink() {
    writeLink();
    const copied = await navigator.clipboard?.writeText(location.href).then(
      () => true,
      () => false,
    );
    const whole = !vae43.original.of(vae43.store.state);
    const done = whole ? words.copied : words.copied_small;
    vae43.say(copied || copyByHand() ? done : words.not_copied, "ready", whole ? 3 : 6);
  }

  // Where the page came over plain http from another machine, the browser has no clipboard.
  function copyByHand() {
    const field = document.createElement("textarea");
    field.value = location.href;
    field.className = "copied-from";
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  }

  // ------------------------------------------------------------------ opening and listening

  function opening({ detail }) {
    words = detail.props.memory_words;
    start = detail.props.world.name;
    const pile = (states) =>
      Array.isArray(states) ? states.map((state) => usable(state, start)).filter(Boolean) : [];
    const older = read(`${start}/state`); // each world once kept its own
    const { past: steps = older.past, future: undone = older.future } = read("steps");
    [past, future] = [pile(steps), pile(undone)];
    detail.ready = reopen();
  }

  // Put back what was left, in the world it was left in where the server still opens with the same
  // one. A link is opened on top of it.
  async function reopen() {
    const known = read("world");
    const was = known.start === start && typeof known.name === "string" ? known.name : start;
    const first = store.state;
    const stored = left(was);
    if (stored) store.change("open", stored);
    const before = store.state;
    if (await openLink(stored ? "link" : "open")) fallbacks = [first, before];
    else if (was !== start && !(await go(stored ?? { ...first, world: was }, "open"))) {
      await go(left(start) ?? first, "open");
    } else if (stored) {
      fallbacks = [first];
      await go(stored, "open");
      aged(was);
    }
    show();
  }

  // The world cannot draw what was put back: start from what is known to be good.
  async function refused({ detail }) {
    const state = detail.impossible && fallbacks.pop();
    if (!state) return;
    if (same(past.at(-1) ?? {}, state)) past.pop();
    await go(state, "open");
    tell(words.not_drawn);
    show();
  }


  // A world may take longer to wake than a line of text stays.
  function tell(text) {
    if (opened) vae43.note(text);
    else held = text;
  }

  function typing(target) {
    return Boolean(target?.closest?.(TEXT));
  }

  function key(event) {
    const { key: pressed, repeat, altKey, ctrlKey, metaKey, shiftKey, target } = event;
    // A number is typed digit by digit: only a rest parts those.
    if (!repeat && !pressed.startsWith("Arrow") && !typing(target)) gesture++;
    if (!(ctrlKey || metaKey) || altKey || typing(target)) return;
    const letter = pressed.toLowerCase();
    const back = letter === "z" && !shiftKey;
    if (!back && letter !== "z" && !(letter === "y" && ctrlKey)) return;
    event.preventDefault();
    if (back) undo();
    else redo();
  }

  function mount(element) {
    const find = (name) => element.querySelector(`.${name}`);
    panel = { undo: find("undo"), redo: find("redo"), link: find("link") };
    panel.undo.addEventListener("click", undo);
    panel.redo.addEventListener("click", redo);
    panel.link.addEventListener("click", copyLink);
    vae43.history.mount(element);
    vae43.compare.mount(element);
    show();
  }

  function frame({ detail }) {
    [opened, fallbacks] = [true, []];
    if (held) vae43.note(held);
    held = "";
    if (detail.state.still) writeLink();
  }

  store.listen(changed);
  document.addEventListener("vae43:opening", opening);
  document.addEventListener("vae43:refused", refused);
  document.addEventListener("vae43:frame", frame);
  document.addEventListener("pointerdown", () => gesture++, true);
  document.addEventListener("keydown", key);
  window.addEventListener("hashchange", () => openLink("link"));

  return {
    ...{ mount, undo, redo, go, same, textOf, usable, read, write, full, typing, tell },
    ...{ left, aged, leave: keeper.now },
    get step() { return step; },
    get words() { return words; },
  };
})();
