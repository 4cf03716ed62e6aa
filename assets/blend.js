// The pad between two to four pictures: their latents are mixed here, and drawn as any frame.
//
// The first picture stands at the top left, the second at the top right, then the lower corners;
// two alone stand left and right.
"use strict";

vae43.blend = (() => {
  const TINY = 1e-6; // the corner without a picture is an even mixture of the others
  const MOST = 4; // corners
  const { store } = vae43;
  let words = {};
  let section = null;
  let pad = null;
  let corners = []; // {state: what the server is asked with, own: put there by hand}
  let shown = []; // {z, key} of each corner on show
  let asked = 0;

  function mount(element, props) {
    words = props.words;
    section = element;
    pad = section.querySelector(".pad");
    section.querySelector(".count").addEventListener("change", refresh);
    section.querySelector(".others").addEventListener("click", () => {
      corners = corners.map((corner) => (corner.own ? corner : chance()));
      refresh();
    });
    corner("button").forEach((button, i) => button.addEventListener("click", () => put(i)));
    for (const axis of axes()) axis.addEventListener("input", () => mix());
    pad.addEventListener("pointerdown", (event) => {
      if (event.target.closest("button")) return;
      event.preventDefault();
      pad.setPointerCapture(event.pointerId);
      axes()[0].focus({ preventScroll: true });
      point(event);
    });
    pad.addEventListener("pointermove", (event) => {
      if (pad.hasPointerCapture(event.pointerId)) point(event);
    });
    vae43.worlds.follow((_, anew) => anew && forget());
  }

  // What another world drew cannot be mixed in this one.
  function forget() {
    [corners, shown] = [[], []];
    asked++;
    pad.classList.add("blank");
    if (!section.hidden) setTimeout(open); // the state of the new world is on its way
  }

  const axes = () => [...pad.querySelectorAll("input")];
  const corner = (part) => [...pad.querySelectorAll(`.corner ${part}`)];
  const count = () => Number(section.querySelector(".count").value);
  const chance = () => ({ state: { seed: Math.floor(Math.random() * 1e6), moves: {} } });

  // Opened for the first time, the pad holds the picture and three by chance.
  function open() {
    if (corners.length) return;
    corners = kept() ?? [{ state: vae43.snapshot(), own: true }, chance(), chance(), chance()];
    refresh();
  }

  function put(i) {
    corners[i] = { state: vae43.snapshot(), own: true };
    refresh();
  }

  async function refresh() {
    const turn = ++asked;
    const many = count();
    pad.dataset.count = many;
    corner("b").forEach((picture, i) => (picture.parentElement.hidden = i >= many));
    const states = corners.slice(0, many).map((corner) => corner.state);
    const answer = await vae43.asked(() => vae43.server.blend({ corners: states }));
    if (turn !== asked) return;
    if (answer.error) return vae43.note(answer.error);
    shown = answer.starts;
    vae43.cut(corner("b").slice(0, many), answer.webp, many);
    pad.classList.remove("blank");
    keep();
  }

  const place = () => `${vae43.worlds.here.name}/blend`;

  function keep() {
    const { hash } = vae43.worlds.here;
    vae43.memory.write(place(), { hash, corners, count: count() }); // else it is new next time
  }

  // The corners as they were left, or null.
  function kept() {
    const { memory, worlds } = vae43;
    const { hash, corners: found, count: many } = memory.read(place());
    if (hash !== worlds.here.hash || !Array.isArray(found) || found.length !== MOST) return null;
    const states = found.map((one) => memory.usable(one?.state, worlds.here.name));
    if (!states.every((state) => state?.world === worlds.here.name)) return null;
    const select = section.querySelector(".count");
    if ([...select.options].some(({ value }) => Number(value) === many)) select.value = many;
    return states.map((state, i) => ({ state: vae43.snapshot(state), own: found[i].own === true }));
  }

  function point({ clientX, clientY }) {
    const box = pad.getBoundingClientRect();
    const share = (at, from, size) => Math.min(Math.max((at - from) / size, 0), 1);
    const [x, y] = axes();
    x.value = 100 * share(clientX, box.left, box.width);
    y.value = 100 * share(clientY, box.top, box.height);
    mix();
  }

  function weights(x, y) {
    if (shown.length === 2) return [1 - x, x];
    const all = [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y].slice(0, shown.length);
    const sum = all.reduce((a, b) => a + b);
    return all.map((weight) => (sum > TINY ? weight / sum : 1 / all.length));
  }

  // The mixture becomes the start; what moved the corners is in their latents already.
  function mix() {
    const [x, y] = axes().map((axis) => axis.value / 100);
    pad.style.setProperty("--x", x);
    pad.style.setProperty("--y", y);
    if (!shown.length) return;
    const share = weights(x, y);
    const mean = (part) =>
      shown[0][part].map((_, i) => {
        const value = shown.reduce((sum, corner, n) => sum + share[n] * corner[part][i], 0);
        return Math.round(1e5 * value) / 1e5;
      });
    const moves = {};
    for (const name of new Set(shown.flatMap((corner) => Object.keys(corner.moves ?? {})))) {
      const at = shown.reduce((sum, corner, n) => sum + share[n] * (corner.moves?.[name] ?? 0), 0);
      moves[name] = Math.round(100 * at) / 100;
    }
    const detail = vae43.detail.mixed(corners.slice(0, shown.length).map((one) => one.state), share);
    const whole = vae43.whole({ z: mean("z"), key: mean("key"), moves, detail }, words.blend_name);
    if (Object.keys(store.state.moves).length) vae43.restore(whole, "blend");
    else store.change("blend", whole);
  }

  return { mount, open };
})();
