// Match closer: a start that was read from a picture of one's own is refined, a slice at a time.
//
// The server keeps nothing: the page holds the picture on the world's square, sends it with every
// slice, and stops asking when the steps or the time are used up. Until the end the picture on show
// stays as it is; the end is one step, which undo takes back.
"use strict";

vae43.closer = (() => {
  const KEPT = 3; // pictures remembered for a world
  const SLICES = 4;
  const TIME = 2000; // ms of the server's own work
  const TOLD = 10; // seconds
  const { store } = vae43;
  let button = null;
  // {square, packed: base64, grain, starts: [{text, from, z, key, name}]}, the newest last
  let pictures = [];
  let at = { name: null, hash: null }; // the world they are of
  let running = null; // the search under way

  const place = () => `${vae43.worlds.here.name}/pictures`;
  const textOf = ({ z, key }) => (z ? `${z}/${key}` : "");

  // It stands beside "Start from a picture", and looks like it.
  function mounted() {
    const upload = document.getElementById("upload");
    if (!upload) return setTimeout(mounted, 50); // Gradio's row is not there yet
    const { className } = upload;
    button = Object.assign(document.createElement("button"), { type: "button", id: "closer", className });
    button.hidden = true;
    upload.after(button);
    button.addEventListener("click", () => (running ? stop() : match()));
    store.listen(show);
    vae43.worlds.follow(load);
    document.addEventListener("vae43:language", () => show());
    return show();
  }

  // ------------------------------------------------------------------ pictures remembered

  function load({ name, hash }) {
    if (name === at.name && hash === at.hash) return; // the language has changed, no more
    at = { name, hash };
    const kept = vae43.memory.read(place());
    const good = (one) => typeof one?.square === "string" && Array.isArray(one.starts);
    pictures = kept.hash === hash && Array.isArray(kept.pictures) ? kept.pictures.filter(good) : [];
    running = null;
    show();
  }

  // A picture was read: `square` as the world saw it, and the start it gave.
  function take({ square, packed, grain, z, key }, name) {
    if (!square) return;
    remember({ square, packed, grain, starts: [] }, { z, key }, null, name);
  }

  function remember(picture, start, from, name) {
    picture.starts.push({ text: textOf(start), from, name });
    pictures = [...pictures.filter((one) => one !== picture), picture].slice(-KEPT);
    const { hash } = vae43.worlds.here;
    vae43.memory.write(place(), { hash, pictures }); // without room it is forgotten with the page
    show();
  }

  function known(state = store.state) {
    const text = textOf(state);
    for (const picture of text ? pictures : []) {
      const start = picture.starts.find((one) => one.text === text);
      if (start) return { picture, start };
    }
    return null;
  }

  // ------------------------------------------------------------------ the search

  async function match() {
    const { picture } = known();
    const [first, { world, name }] = [store.state, store.state];
    const search = (running = {});
    let best = { z: first.z, key: first.key };
    let [before, after, spent] = [null, null, 0];
    for (let slice = 0; slice < SLICES && spent < TIME; slice++) {
      progress(Math.max(slice / SLICES, spent / TIME), after);
      const answer = await ask(picture, best);
      if (running !== search) return; // stopped, or in another world
      if (answer.error) return end(answer.error, "trouble");
      spent += answer.ms;
      before ??= answer.before;
      ({ after } = answer);
      best = { z: answer.z, key: answer.key };
    }
    if (textOf(store.state) !== textOf(first) || store.state.world !== world) return end("");
    const shown = { before: percent(before), now: percent(after) };
    if (shown.before === shown.now) return end(fill(vae43.words.match_near, shown));
    remember(picture, best, { z: first.z, key: first.key }, name);
    store.change("match", { ...best, detail: vae43.detail.moved(best) });
    return end(fill(vae43.words.matched, shown));
  }

  function ask(picture, start) {
    const file = vae43.blob(picture.square, "image/png");
    const data = { file, start: JSON.stringify(start) };
    return vae43.asked(() => vae43.server.match({ binary: true, data }));
  }

  function stop() {
    end(vae43.words.match_stopped);
  }

  function end(text, mood = "ready") {
    running = null;
    show();
    vae43.say(text, mood, text ? TOLD : 0);
  }

  function progress(part, now) {
    show();
    button.style.setProperty("--part", part);
    if (now !== null) vae43.say(fill(vae43.words.match_going, { now: percent(now) }), "busy", TOLD);
  }

  // ------------------------------------------------------------------ what is shown

  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);

  function show() {
    if (!button) return;
    const { words } = vae43;
    button.hidden = !running && !known();
    button.textContent = running ? words.match_stop : words.match;
    button.title = running ? "" : words.match_note;
    button.classList.toggle("going", Boolean(running));
    vae43.detail.show();
  }

  document.addEventListener("vae43:mounted", mounted);

  return {
    take,
    // The picture that the state starts from: {packed, grain}; undefined where it is not known.
    picture: () => known()?.picture,
    // What a matched start was first read as, or null.
    before: (state) => {
      const found = known(state)?.start;
      return found?.from ? { ...found.from, name: found.name } : null;
    },
  };
})();
