// Hold the rest: a switch, and style sliders that move what they are named for and little else.
//
// A slider that a hand takes up is measured in the picture as it is without it; the server answers
// with a way: what to add to the key beside the slider's own move, at a few places. Between them the
// way is straight. What is added goes into the state's field `held`,
//
//   { slider: [numbers] }   sliders that add nothing are left out
//
// so that a frame costs what it always does, and undo, links and recipes show what was on screen.
// With the switch off the way adds nothing. Whatever a slider adds when a hand takes it up is kept,
// and let go on the way back to zero: the picture never jumps, and zero is always nothing.
"use strict";

vae43.holding = (() => {
  const KEPT = "vae43.holding"; // in the browser's storage: "on" where it was switched on
  const WAYS = 24; // remembered
  const NEAR = 2e-5; // what rounding may change in a number
  const PATIENCE = 300; // ms until it is said that a picture is being measured
  const { store } = vae43;
  const box = Object.assign(document.createElement("input"), { type: "checkbox", id: "hold-rest" });
  const ways = new Map(); // a question as text → {places, offsets}, or null where there is none
  const taken = new Map(); // a slider's name → {text, at, offset}: where it was when taken up
  const wanted = new Map(); // a slider's name → {row, value, change}: until its way is known
  let words = {};
  let line = Promise.resolve(); // one request at a time
  let hand = null; // the name of the slider that was taken up last
  let own = false; // whether a change of the state is this script's

  box.setAttribute("role", "switch");
  box.setAttribute("aria-describedby", "hold-rest-note");
  vae43.remembered(box, KEPT, false);
  box.addEventListener("change", () => document.dispatchEvent(new CustomEvent("vae43:holding")));

  // The switch, in the words of the language that is spoken.
  function element(given) {
    words = given;
    const label = document.createElement("label");
    const name = Object.assign(document.createElement("span"), { textContent: words.hold });
    label.append(box, name);
    const note = { id: "hold-rest-note", textContent: words.hold_note };
    const line = Object.assign(document.createElement("div"), { className: "hold-switch" });
    line.append(label, Object.assign(document.createElement("p"), note));
    return line;
  }

  const on = (row) => box.checked && Boolean(row.holds);

  // ------------------------------------------------------------------ ways

  // A state without what some sliders do to it.
  function without(state, names) {
    const left = (part) =>
      Object.fromEntries(Object.entries(part ?? {}).filter(([name]) => !names.includes(name)));
    const held = left(state.held);
    return { ...state, moves: left(state.moves), held: Object.keys(held).length ? held : undefined };
  }

  // The picture without the slider: as long as it is the same, so is the slider's way.
  const question = ({ name }) => ({ ...without(vae43.snapshot(), [name]), slider: name });
  const textOf = (row) => JSON.stringify(question(row));
  const known = (row) => !on(row) || ways.has(textOf(row));

  // Have the way of a slider. What nobody wants any more at its turn is not asked for.
  function ready(row, wants = () => row.name === hand || wanted.has(row.name)) {
    if (known(row)) return Promise.resolve();
    line = line.then(async () => {
      if (!known(row) && wants()) await ask(row);
    });
    return line;
  }

  async function ask(row) {
    const data = question(row);
    const text = JSON.stringify(data);
    let said = false;
    const late = setTimeout(() => {
      said = wanted.size > 0;
      if (said) vae43.say(words.hold_measures, "busy", 10);
    }, PATIENCE);
    const answer = await vae43.asked(() => vae43.server.grip(data));
    clearTimeout(late);
    if (said) vae43.say("");
    if (answer.error && text === textOf(row)) vae43.note(words.hold_failed);
    ways.set(text, answer.error ? null : answer);
    if (answer.error) setTimeout(() => ways.delete(text), 2000); // it may be had later
    for (const oldest of [...ways.keys()].slice(0, -WAYS)) ways.delete(oldest);
  }

  // What a way adds at a place of its slider.
  function along(way, value) {
    if (!way) return [];
    const { places, offsets } = way;
    const found = places.findIndex((place) => place >= value);
    const next = Math.max(found < 0 ? places.length - 1 : found, 1);
    const [from, to] = [places[next - 1], places[next]];
    const part = Math.min(Math.max((value - from) / (to - from), 0), 1);
    return offsets[next].map((there, i) => offsets[next - 1][i] + part * (there - offsets[next - 1][i]));
  }

  // ------------------------------------------------------------------ what a slider adds

  const sum = (one, other, share) =>
    Array.from({ length: Math.max(one.length, other.length) }, (_, i) =>
      (one[i] ?? 0) + share * (other[i] ?? 0));
  const alike = (one, other) => sum(one, other, -1).every((gap) => Math.abs(gap) < NEAR);

  const placeOf = ({ name }) => store.state.moves[name] ?? 0;
  const addedBy = ({ name }) => {
    const row = store.state.held?.[name];
    return Array.isArray(row) ? row : [];
  };

  // What a slider adds at a place, taken up where it was.
  function at(way, { at: start, offset }, value) {
    const share = start ? Math.min(Math.max(value / start, 0), 1) : 0;
    return sum(along(way, value), sum(offset, along(way, start), -1), share);
  }

  // What a slider would add at places of it, a row of numbers for each.
  function offsets(row, places) {
    const text = textOf(row);
    const way = on(row) ? ways.get(text) : null;
    const mark = `${Boolean(way)} ${text}`;
    const [value, offset] = [placeOf(row), addedBy(row)];
    const before = taken.get(row.name);
    if (before?.text !== mark || !alike(at(way, before, value), offset)) {
      taken.set(row.name, { text: mark, at: value, offset });
    }
    const start = taken.get(row.name);
    return places.map((place) =>
      (place ? at(way, start, place) : []).map((number) => Math.round(1e5 * number) / 1e5));
  }

  // The same for a filmstrip, or null where nothing is added anywhere.
  function strip(row) {
    const rows = offsets(row, row.places);
    const width = Math.max(...rows.map((one) => one.length));
    const whole = rows.map((one) => sum(one, Array(width).fill(0), 1));
    return whole.flat().some(Boolean) ? whole : null;
  }

  // ------------------------------------------------------------------ what the hand does

  // A slider at another place, as a change of the state.
  function patch(row, value) {
    const { name } = row;
    const [added] = offsets(row, [value]);
    const { moves, held } = without(store.state, [name]);
    if (value) moves[name] = value;
    return { moves, held: added.some(Boolean) ? { ...held, [name]: added } : (held ?? null) };
  }

  function put({ row, value, change }) {
    own = true;
    change(patch(row, value));
    own = false;
  }

  // Put a slider somewhere: at once where its way is known, else as soon as it is.
  async function go(row, value, change) {
    const { name } = row;
    const waiting = wanted.has(name);
    wanted.set(name, { row, value, change });
    if (waiting && value && !known(row)) return;
    hand = name;
    while (wanted.get(name)?.value && !known(row)) await ready(row);
    const newest = wanted.get(name);
    wanted.delete(name);
    if (newest) put(newest);
  }

  // Whoever goes elsewhere does not want to be led on by an older hand.
  store.listen(({ moves }, _kind, before) => {
    if (own || moves === before.moves || !wanted.size) return;
    wanted.clear();
    vae43.sliders.show();
  });

  // Another world, or the same one trained on, has other ways.
  vae43.worlds.follow((_, anew) => anew && ways.clear());

  // A slider is measured when it is taken up, so that its way is known when it moves.
  for (const kind of ["pointerdown", "focusin"]) {
    document.addEventListener(kind, ({ target }) => {
      const found = target.closest?.("#sliders .block");
      const row = found && vae43.sliders.byId(found.id);
      if (!row || !target.matches("input") || !vae43.server) return;
      hand = row.name;
      ready(row);
    }, true);
  }

  return {
    ...{ element, go, known, on, question, ready, strip, without },
    waits: ({ name }) => wanted.has(name),
  };
})();
