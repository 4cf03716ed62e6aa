// The filmstrip: seven small pictures under the slider in hand, of where it leads.
//
// It is asked for when a hand or the keyboard takes a slider, and again when anything but that
// slider changed; never while it is dragged, and one request at a time.
"use strict";

vae43.film = (() => {
  const KEPT = "vae43.film"; // in the browser's storage: "off" where it was switched off
  const CALM = 150; // ms without a change until the tiles are asked for again
  const SETTLE = 420; // ms from letting go until space above is closed: a double click is over
  const THUMB = 14; // px
  const NARROW = 36; // px: tiles smaller than this tell nothing
  const sliders = vae43.sliders; // their rows: {name, label, low, high}
  let words = {};
  let strip = null; // the element, moved from slider to slider
  let block = null; // the block it stands in
  let asked = null; // what the tiles on show, or on their way, were asked for with
  let busy = false;
  let pressed = false;
  let calm = null;

  function mount(element, props) {
    words = props.words;
    strip = build(props.tiles);
    const box = element.querySelector("input");
    vae43.remembered(box, KEPT);
    box.addEventListener("change", () => {
      if (!box.checked) close();
    });
    const wanted = (event) => box.checked && taken(event.target);
    document.addEventListener("pointerdown", (event) => {
      pressed = true;
      const at = wanted(event);
      if (at) open(at);
    }, true);
    for (const kind of ["pointerup", "pointercancel"]) {
      document.addEventListener(kind, () => {
        pressed = false;
        setTimeout(settle, SETTLE);
      }, true);
    }
    document.addEventListener("focusin", (event) => {
      const at = wanted(event);
      if (at) open(at);
      else if (block && !block.contains(event.target)) close();
    });
    document.addEventListener("focusout", (event) => {
      if (block && !event.relatedTarget && document.hasFocus() && !pressed) close();
    });
    document.addEventListener("dblclick", (event) => {
      const at = taken(event.target);
      if (at) go(sliders.byId(at.id), 0);
    });
    vae43.store.listen(changed);
    document.addEventListener("vae43:holding", refresh);
    vae43.worlds.follow(forget);
  }

  // The sliders of another world stand there now, and the strip is gone with the old ones.
  function forget() {
    strip.remove();
    block = null;
  }

  // The block of the slider whose track an event happened on.
  function taken(target) {
    if (!target.matches?.(".sliders input[type=range]")) return null;
    const found = target.closest(".block");
    return found && sliders.byId(found.id) ? found : null;
  }

  function build(count) {
    const element = document.createElement("div");
    element.className = "film";
    element.setAttribute("role", "group");
    element.innerHTML = '<i class="here"></i>' + '<button type="button"></button>'.repeat(count);
    element.addEventListener("click", (event) => {
      const tile = event.target.closest("button");
      if (tile?.dataset.place) go(sliders.byId(block.id), Number(tile.dataset.place));
    });
    element.addEventListener("keydown", vae43.walk);
    return element;
  }

  // ------------------------------------------------------------------ where it stands

  function open(at) {
    if (at === block && strip.isConnected) return refresh();
    close();
    block = at;
    const { label } = sliders.byId(at.id);
    strip.setAttribute("aria-label", words.strip.replace("{slider}", label));
    at.append(strip);
    fit();
    asked = null;
    strip.classList.add("blank");
    mark();
    refresh();
  }

  // Each tile stands under its own place on the track; where that is too narrow, they fill the row.
  function fit() {
    const range = block.querySelector("input[type=range]").getBoundingClientRect();
    const row = block.getBoundingClientRect();
    const steps = strip.querySelectorAll("button").length - 1;
    const pitch = (range.width - THUMB) / steps;
    const narrow = pitch < NARROW;
    const left = narrow ? 0 : range.left - row.left + (THUMB - pitch) / 2;
    strip.style.marginLeft = `${left}px`;
    strip.style.width = `${narrow ? row.width : pitch * (steps + 1)}px`;
  }

  // What stands below must not move under a hand that presses it: the space is kept until later.
  function close() {
    if (!block) return;
    if (pressed && strip.isConnected) {
      const space = document.createElement("div");
      space.className = "film-space";
      strip.replaceWith(space);
    } else strip.remove();
    block = null;
  }

  function settle() {
    if (pressed) return;
    for (const space of document.querySelectorAll(".film-space")) {
      space.classList.add("closing");
      setTimeout(() => space.remove(), 200);
    }
  }

  // ------------------------------------------------------------------ what it shows

  function changed(_, kind) {
    if (!block || !strip.isConnected) return;
    mark();
    if (kind === `move:${sliders.byId(block.id).name}`) return;
    clearTimeout(calm);
    calm = setTimeout(refresh, CALM);
  }

  // The state without the slider itself: as long as it is the same, so are the tiles.
  function question() {
    const row = sliders.byId(block.id);
    const offsets = vae43.holding.strip(row);
    return { ...vae43.holding.question(row), ...(offsets ? { offsets } : {}) };
  }

  async function refresh() {
    if (!block || busy || !vae43.server) return;
    const row = sliders.byId(block.id);
    busy = true;
    await vae43.holding.ready(row, () => block?.id === row.id);
    busy = false;
    if (!block) return;
    if (!vae43.holding.known(sliders.byId(block.id))) return refresh(); // another one by now
    const data = question();
    const text = JSON.stringify(data);
    if (text === asked) return;
    asked = text;
    busy = true;
    const answer = await vae43.asked(() => vae43.server.strip(data));
    busy = false;
    if (!block) return;
    if (JSON.stringify(question()) !== text) return refresh(); // it moved on meanwhile
    if (answer.error) asked = null;
    else draw(answer);
  }

  function draw({ webp, places }) {
    const { label } = sliders.byId(block.id);
    const tiles = [...strip.querySelectorAll("button")];
    vae43.cut(tiles, webp, tiles.length);
    tiles.forEach((tile, i) => {
      const place = places[i];
      tile.dataset.place = place;
      const text = words.tile.replace("{slider}", label).replace("{place}", shown(place));
      tile.setAttribute("aria-label", text);
      tile.title = text;
    });
    strip.classList.remove("blank");
    mark();
  }

  function shown(place) {
    return `${place > 0 ? "+" : place < 0 ? "−" : ""}${Math.abs(place).toFixed(2)}`;
  }

  function mark() {
    const { name, low, high } = sliders.byId(block.id);
    const value = vae43.store.state.moves[name] ?? 0;
    const along = (Math.min(Math.max(value, low), high) - low) / (high - low);
    strip.style.setProperty("--here", along.toFixed(4));
    const tiles = [...strip.querySelectorAll("button")];
    const nearest = Math.round(along * (tiles.length - 1));
    tiles.forEach((tile, i) => {
      tile.tabIndex = i === nearest ? 0 : -1;
      tile.toggleAttribute("aria-current", i === nearest);
    });
  }

  function go(row, place) {
    vae43.holding.go(row, place, (patch) => vae43.restore(patch, `go:${row.name}`));
  }

  return { mount };
})();
