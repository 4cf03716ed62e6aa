// The stage: one state, one canvas, and the small things an artist does around it.
//
// Gradio's components call the functions of `vae43` from their js listeners; the stage itself is
// mounted by the gr.HTML component, which may be later or earlier than the first of those calls.
"use strict";

const vae43 = (() => {
  const NOTE_SECONDS = 10;
  const MOVING_SCALE = 2;
  const store = new Store({ seed: null, z: null, key: null, name: null, moves: {} });
  let stage = null; // {root, mat, canvas, message, origin, file, server, words, limit}
  let stream = null;
  let bitmap = null;
  let noted = 0; // until when the line of text is kept although new frames arrive

  // ------------------------------------------------------------------ mounting

  function mount(element, server, props) {
    const find = (selector) => element.querySelector(selector);
    stage = {
      root: element,
      mat: find(".mat"),
      canvas: find("canvas"),
      message: find(".message"),
      origin: find(".origin"),
      file: find(".file"),
      server,
      words: props.words,
      limit: props.max_upload_bytes,
    };
    if (store.state.seed === null) store.change("open", { seed: props.first_seed });
    stream = new FrameStream({ ask: (s) => server.frame(s), show, trouble });
    new ResizeObserver(() => paint()).observe(stage.canvas);
    listen();
    store.listen(changed);
    changed();
    document.dispatchEvent(new CustomEvent("vae43:mounted", { detail: { element, props } }));
  }

  function listen() {
    const { root, mat, file, origin } = stage;
    root.querySelector(".grounds").addEventListener("input", ground);
    file.addEventListener("change", () => {
      if (file.files.length) startFrom(file.files[0]);
      file.value = "";
    });
    origin.title = stage.words.back_to_seed;
    origin.addEventListener("click", () => leavePicture());
    stage.message.addEventListener("click", () => say(""));
    document.addEventListener("paste", (event) => {
      const pasted = [...(event.clipboardData?.files ?? [])];
      if (pasted.length) startFrom(pasted[0]);
    });
    for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
      document.addEventListener(kind, (event) => {
        if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
        event.preventDefault();
        mat.classList.toggle("dropping", kind === "dragenter" || kind === "dragover");
        if (kind === "drop" && event.dataTransfer.files.length) {
          startFrom(event.dataTransfer.files[0]);
        }
      });
    }
  }

  // ------------------------------------------------------------------ state

  function changed() {
    const { z, name } = store.state;
    stage.origin.hidden = !z;
    stage.origin.textContent = z ? stage.words.from_picture.replace("{name}", name ?? "") : "";
    stream.push(snapshot());
  }

  // What the server is asked with: the state, less what only the page needs.
  function snapshot(state = store.state) {
    const { seed, z, key, name, ...rest } = state;
    for (const field of Object.keys(rest)) if (rest[field] === null) delete rest[field];
    return z ? { z, key, ...rest } : { seed, ...rest };
  }

  function move(name, id, value) {
    document.getElementById(id)?.classList.toggle("moved", Boolean(value));
    if (value === (store.state.moves[name] ?? 0)) return;
    const { [name]: _, ...moves } = store.state.moves;
    if (value) moves[name] = value;
    store.change(`move:${name}`, { moves });
  }

  // Go to another state as a whole: the picture at once, the controls by Gradio's own way.
  function restore(state, kind = "restore") {
    store.change(kind, state);
    document.getElementById("restore")?.click();
  }

  // The values of the seed and of every slider, in the order of `names`.
  function positions(names) {
    const { seed, moves } = store.state;
    return [seed, ...names.map((name) => moves[name] ?? 0)];
  }

  function seed(value) {
    if (value === null || !Number.isInteger(Number(value)) || value < 0) return;
    if (Number(value) === store.state.seed) return;
    leavePicture(Number(value));
  }

  function surprise() {
    const next = Math.floor(Math.random() * 1e6);
    leavePicture(next, "surprise");
    return next;
  }

  function leavePicture(seed = store.state.seed, kind = "seed") {
    store.change(kind, { seed, z: null, key: null, name: null });
  }

  // ------------------------------------------------------------------ drawing

  async function show(answer, shownState, { seq, claim, since }) {
    const next = await createImageBitmap(blob(answer.webp, "image/webp"));
    if (!claim()) return next.close();
    bitmap?.close();
    bitmap = next;
    paint(Boolean(shownState.still));
    stage.mat.dataset.state = "ready";
    if (performance.now() > noted) say("");
    const detail = { seq, latency: performance.now() - since, state: shownState };
    stage.root.dispatchEvent(new CustomEvent("vae43:frame", { bubbles: true, detail }));
  }

  // In motion a canvas of twice the picture's size is enough and four times as quick to fill; at
  // rest every pixel of the screen is drawn.
  function paint(fine = true) {
    if (!bitmap || !stage) return;
    const { canvas } = stage;
    const whole = Math.max(1, Math.round(canvas.clientWidth * window.devicePixelRatio));
    const side = fine ? whole : Math.min(whole, MOVING_SCALE * bitmap.width);
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.clearRect(0, 0, side, side);
    context.drawImage(bitmap, 0, 0, side, side);
  }

  function trouble(kind, answer) {
    say(kind === "lost" ? stage.words.lost : answer.error, "trouble");
  }

  // One calm line on the picture. `seconds`: how long frames may not take it away.
  function say(text, mood = "ready", seconds = 0) {
    noted = performance.now() + 1000 * seconds;
    clearTimeout(say.timer);
    if (seconds) say.timer = setTimeout(say, 1000 * seconds, "");
    stage.message.dataset.mood = mood;
    if (stage.message.textContent !== text) stage.message.textContent = text;
  }

  function note(text) {
    say(text, "trouble", NOTE_SECONDS);
  }

  function ground(event) {
    const { mat, root } = stage;
    if (event.target.type === "color") {
      root.querySelector(".ground.color input").checked = true;
    }
    mat.dataset.ground = root.querySelector(".grounds input:checked").value;
    const own = root.querySelector(".own").value;
    mat.style.setProperty("--own", own);
    root.querySelector(".ground.color").style.setProperty("--own", own);
  }

  // ------------------------------------------------------------------ pictures in and out

  function choosePicture() {
    stage?.file.click();
  }

  async function startFrom(file) {
    if (!stage) return;
    if (file.size > stage.limit) return note(stage.words.large);
    say(stage.words.reading, "busy", NOTE_SECONDS);
    const answer = await asked(() =>
      stage.server.start_from({ binary: true, data: { file } }),
    );
    if (answer.error) return note(answer.error);
    say("");
    store.change("picture", { z: answer.z, key: answer.key, name: file.name });
  }

  async function save(factor) {
    if (!stage) return;
    say(stage.words.saving, "busy", NOTE_SECONDS);
    const answer = await asked(() => stage.server.save({ ...snapshot(), factor }));
    if (answer.error) return note(answer.error);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob(answer.png, "image/png"));
    link.download = answer.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    say("");
  }

  // A request that gets no answer at all becomes the same kind of value as one that is refused.
  async function asked(request) {
    const nothing = { error: stage.words.failed };
    return (await request().catch(() => nothing)) ?? nothing;
  }

  function blob(base64, type) {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    return new Blob([bytes], { type });
  }

  return {
    ...{ mount, move, seed, surprise, choosePicture, startFrom, save },
    ...{ store, snapshot, restore, positions, say, note, asked, blob },
    get server() { return stage?.server; },
    get words() { return stage?.words; },
  };
})();
window.vae43 = vae43;
