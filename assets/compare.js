// Compare: the picture as it was before (A), held in view or wiped over the picture as it is (B).
//
// A is the picture pinned last. Where nothing is pinned it is the picture this one started from:
// the same seed or file, with nothing moved.
"use strict";

vae43.compare = (() => {
  const KEY = "b";
  const { store, memory, history } = vae43;
  let parts = null; // {sheet, before, which, wipe, hold, toggle}
  let drawn = null; // the text of the state that `before` shows
  let held = false;

  function mount(element) {
    const sheet = document.querySelector("#stage .sheet");
    if (!sheet) return setTimeout(mount, 50, element); // the stage is not there yet
    const make = (tag, className, more) =>
      Object.assign(document.createElement(tag), { className, hidden: true, ...more });
    const find = (name) => element.querySelector(`.${name}`);
    parts = {
      sheet,
      before: make("img", "before", { alt: "", draggable: false }),
      which: make("p", "which"),
      wipe: make("input", "wipe", { type: "range", min: 0, max: 100, step: 1, value: 50 }),
      hold: find("hold"),
      toggle: find("wiping"),
    };
    name();
    document.addEventListener("vae43:language", name);
    sheet.append(parts.before, parts.which, parts.wipe);
    parts.wipe.addEventListener("input", place);
    parts.toggle.addEventListener("click", toggle);
    listen(parts.hold);
  }

  function name() {
    parts.wipe.setAttribute("aria-label", memory.words.wipe_slider);
    if (parts.which.textContent) parts.which.textContent = which(memory.words);
  }

  function listen(button) {
    button.addEventListener("pointerdown", (event) => {
      button.setPointerCapture(event.pointerId);
      hold(true);
    });
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
      button.addEventListener(kind, () => hold(false));
    }
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    const pressed = ({ key, target, repeat, ctrlKey, metaKey, altKey }) => {
      if (repeat || ctrlKey || metaKey || altKey) return false;
      const onButton = target === button && (key === " " || key === "Enter");
      return onButton || (key.toLowerCase() === KEY && !memory.typing(target));
    };
    document.addEventListener("keydown", (event) => {
      if (pressed(event)) hold(true);
    });
    document.addEventListener("keyup", ({ key }) => {
      if (key.toLowerCase() === KEY || key === " " || key === "Enter") hold(false);
    });
    window.addEventListener("blur", () => hold(false));
    document.addEventListener("vae43:frame", ({ detail }) => {
      if (detail.state.still && wiping()) draw();
    });
  }

  function wiping() {
    return parts.toggle.getAttribute("aria-pressed") === "true";
  }

  function start() {
    const { seed, z, key, name, detail, own: set } = store.state;
    const from = { z, key, ...vae43.closer.before(store.state) };
    const mixed = detail?.share < 1; // else the picture itself is where it started
    const own = detail && { detail: mixed ? detail : { ...detail, z: from.z, key: from.key } };
    // What a picture has set itself, its grain, is no change of it.
    return vae43.whole({ seed, ...from, ...own, moves: set ?? {} }, name);
  }

  function which(words) {
    if (history.pinned) return words.a_pinned;
    return vae43.closer.before(store.state) ? words.a_read : words.a_start;
  }

  async function hold(on) {
    if (held === on || !parts) return;
    held = on;
    if (on && !(await draw())) held = false;
    show();
  }

  async function toggle() {
    const on = !wiping() && (await draw());
    parts.toggle.setAttribute("aria-pressed", String(Boolean(on)));
    show();
    if (on) parts.wipe.focus();
  }

  // Fetch A unless it is there. Returns whether there is something to compare.
  async function draw() {
    const { words } = memory;
    const { asking } = vae43.original;
    const before = history.pinned ?? start();
    parts.which.textContent = which(words);
    if (memory.same(before, store.state) && !wiping()) {
      vae43.say(words.nothing_before, "ready", 4);
      return false;
    }
    const text = memory.textOf(before);
    if (text === drawn) return true;
    const answer = await vae43.asked(() =>
      vae43.server.frame({ ...vae43.snapshot(before), ...asking(before), still: true, seq: 0 }),
    );
    if (answer.error) {
      vae43.note(answer.error);
      return false;
    }
    const bitmap = await createImageBitmap(vae43.blob(answer.webp, "image/webp"));
    const { warp, blur, beyond } = answer;
    const state = { ...before, warp, blur, beyond };
    const sharp = await vae43.original.address(bitmap, state, vae43.wholeSide());
    URL.revokeObjectURL(parts.before.src);
    parts.before.src = sharp ?? `data:image/webp;base64,${answer.webp}`;
    await parts.before.decode().catch(() => {});
    drawn = text;
    return true;
  }

  function show() {
    const { sheet, before, which, wipe } = parts;
    before.hidden = which.hidden = !held && !wiping();
    wipe.hidden = held || !wiping();
    sheet.classList.toggle("comparing", held);
    sheet.classList.toggle("wiped", !held && wiping());
    place();
  }

  function place() {
    parts.sheet.style.setProperty("--wipe", `${parts.wipe.value}%`);
  }

  return { mount, start };
})();
