// The stage: one state, one canvas, and the small things an artist does around it.
//
// Gradio's components call the functions of `vae43` from their js listeners; the stage itself is
// mounted by the gr.HTML component, which may be later or earlier than the first of those calls.
"use strict";

const vae43 = (() => {
  const SEEDS = 2 ** 32;
  const NOTE_SECONDS = 10;
  const ECHO_MS = 1000;
  const MOVING_SCALE = 2;
  const store = new Store({ world: null, seed: null, z: null, key: null, name: null, moves: {} });
  let stage = null; // {root, mat, canvas, message, origin, file, server, words, limit}
  let stream = null;
  let bitmap = null;
  let drawn = {}; // the state that it shows
  let echoes = []; // the seeds that a restored state sets Gradio's field to
  let echoed = Infinity; // when Gradio was told of them
  let noted = 0; // until when the line of text is kept although new frames arrive

  // ------------------------------------------------------------------ mounting

  async function mount(element, server, props) {
    const find = (selector) => element.querySelector(selector);
    stage = {
      root: element,
      mat: find(".mat"),
      canvas: find("canvas"),
      message: find(".message"),
      origin: find(".origin"),
      file: find(".file"),
      server: vae43.worlds.naming(server),
      words: props.words,
      limit: props.max_upload_bytes,
      firstSeed: (world) => props.first_seeds[world] ?? props.first_seed,
    };
    const world = props.world.name;
    if (store.state.seed === null) store.change("open", { seed: stage.firstSeed(world), world });
    vae43.worlds.mount(props);
    vae43.worlds.adopt(props.world);
    const opening = { props, ready: null }; // `ready`: what the first picture waits for
    document.dispatchEvent(new CustomEvent("vae43:opening", { detail: opening }));
    await opening.ready;
    stream = new FrameStream({ ask: (s) => vae43.detail.frame(s), show, trouble });
    new ResizeObserver(() => paint()).observe(stage.canvas);
    listen();
    store.listen(changed);
    changed();
    document.dispatchEvent(new CustomEvent("vae43:mounted", { detail: { element, props } }));
  }

  function listen() {
    const { root, mat, file, origin } = stage;
    root.querySelector(".grounds").addEventListener("input", ground);
    document.addEventListener("focusout", putRight);
    file.addEventListener("change", () => {
      if (file.files.length) startFrom(file.files[0]);
      file.value = "";
    });
    document.addEventListener("vae43:language", () => {
      if (mat.dataset.state === "ready") say(""); // what it says is of the other language
      changed();
    });
    origin.addEventListener("click", () => leavePicture());
    // Where nothing is transparent there is nothing to show it on.
    vae43.worlds.follow(({ opaque }) => (root.querySelector(".grounds").hidden = opaque));
    stage.message.addEventListener("click", () => say(""));
    for (const kind of ["input", "pointerdown"]) {
      document.addEventListener(kind, () => (echoes = []), true); // a hand is no echo
    }
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
    const from = vae43.language.known(name) ?? stage.words.some_picture;
    const told = z ? stage.words.from_picture.replace("{name}", from) : "";
    stage.origin.replaceChildren(Object.assign(document.createElement("span"), { textContent: told }));
    stage.origin.title = `${told}: ${stage.words.back_to_seed}`;
    stream.push(snapshot());
  }

  // What the server is asked with: the state, less what only the page needs.
  function snapshot(state = store.state) {
    const { seed, z, key, name, ...rest } = state;
    for (const field of Object.keys(rest)) if (rest[field] === null) delete rest[field];
    return z ? { z, key, ...rest } : { seed, ...rest };
  }

  // Go to another state as a whole: the picture at once, the seed's field by Gradio's own way.
  function restore(state, kind = "restore") {
    const before = store.state.seed;
    store.change(kind, state);
    if (before !== store.state.seed) echoes.push(before, store.state.seed);
    follow(50);
  }

  // The whole state that a snapshot stands for: what it does not name is nothing.
  function whole({ world, seed, moves = {}, ...rest }, name = null) {
    const nothing = Object.fromEntries(Object.keys(store.state).map((field) => [field, null]));
    const start = { world: world ?? store.state.world, seed: seed ?? store.state.seed };
    return { ...nothing, ...rest, ...start, moves, name };
  }

  // Gradio asks for the seed when it hears; while the page opens it may not hear yet.
  function follow(tries) {
    clearTimeout(follow.timer);
    echoed = Infinity;
    document.getElementById("restore")?.click();
    const again = () => echoed === Infinity && follow(tries - 1);
    if (tries) follow.timer = setTimeout(again, 100);
  }

  // The field follows a restored state with a change of its own, late. It is not the artist's.
  function isEcho(value) {
    if (performance.now() > echoed + ECHO_MS) echoes = [];
    return echoes.includes(value);
  }

  // A field that was left with what is no seed shows the one that is drawn.
  function putRight({ target }) {
    if (!target.closest?.("#seed") || isSeed(target.value)) return;
    target.value = store.state.seed;
    target.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // The seed, for the field that follows.
  function followed() {
    echoed = performance.now();
    return store.state.seed;
  }

  const isSeed = (value) =>
    value !== null && value !== "" && Number.isInteger(Number(value)) && value >= 0 && value < SEEDS;

  function seed(value) {
    if (!isSeed(value)) return;
    if (Number(value) === store.state.seed || isEcho(Number(value))) return;
    leavePicture(Number(value));
  }

  // In a world of the artist's drawings one of them, varied; else whatever the next seed draws.
  function surprise() {
    if (vae43.drawings.surprise()) return store.state.seed;
    const next = Math.floor(Math.random() * 1e6);
    leavePicture(next, "surprise");
    return next;
  }

  function leavePicture(seed = store.state.seed, kind = "seed") {
    const moves = movesWithoutOwn();
    store.change(kind, { seed, z: null, key: null, name: null, moves, own: null, detail: null });
  }

  // What the picture that one started from has set itself, and no hand since, goes when it goes.
  function movesWithoutOwn() {
    const { moves, own } = store.state;
    const others = Object.entries(moves).filter(([name, at]) => own?.[name] !== at);
    return others.length < Object.keys(moves).length ? Object.fromEntries(others) : moves;
  }

  // ------------------------------------------------------------------ drawing

  async function show(answer, shownState, { seq, claim, since }) {
    const next = await createImageBitmap(blob(answer.webp, "image/webp"));
    if (!claim()) return next.close();
    bitmap?.close();
    const { warp, blur, beyond } = answer;
    [bitmap, drawn] = [next, { ...shownState, warp, blur, beyond }];
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
    const whole = wholeSide();
    const { original } = vae43;
    const moving = original.of(drawn) ? original.MOVING : MOVING_SCALE * bitmap.width;
    const side = fine ? whole : Math.min(whole, moving);
    const sharp = original.sharp(bitmap, drawn, side, repaint);
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.clearRect(0, 0, side, side);
    const square = original.place(drawn, side);
    context.drawImage(sharp ?? bitmap, ...(sharp ? contained(sharp, side) : square));
    stage.mat.toggleAttribute("data-whole", square[2] < side);
  }

  // The middle of the stage, as large as a picture fits in: left, top, width, height.
  function contained({ width, height }, side) {
    const [wide, high] = [width, height].map((x) => (side * x) / Math.max(width, height));
    return [(side - wide) / 2, (side - high) / 2, wide, high];
  }

  // Ask for the picture again.
  function again() {
    stream?.push(snapshot());
  }

  // The same again, as fine as it was: a file has been made ready meanwhile.
  function repaint() {
    paint(Boolean(drawn.still));
  }

  // Pixels of the screen that the picture takes.
  function wholeSide() {
    return Math.max(1, Math.round(stage.canvas.clientWidth * window.devicePixelRatio));
  }

  function trouble(kind, answer) {
    say(kind === "lost" ? stage.words.lost : answer.error, "trouble");
    stage.root.dispatchEvent(new CustomEvent(`vae43:${kind}`, { bubbles: true, detail: answer }));
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

  // `vary`: a seed, where a variation of the picture is wanted and not the picture itself.
  async function startFrom(file, vary = null) {
    if (!stage) return;
    if (file.size > stage.limit) return note(stage.words.large);
    say(stage.words.reading, "busy", NOTE_SECONDS);
    const { world } = store.state;
    const answer = await asked(() =>
      stage.server.start_from({ binary: true, data: { file, ...(vary === null ? {} : { vary }) } }),
    );
    if (answer.error) return note(answer.error);
    say("");
    if (answer.recipe) {
      const made = { ...answer.recipe, world: answer.world ?? world };
      return vae43.memory.go(whole(made, file.name), "recipe");
    }
    if (world !== store.state.world) return; // it was read for a world that was left meanwhile
    const { z, key } = answer.varied ?? answer;
    const mine = movesWithoutOwn();
    const moves = { ...mine, ...answer.moves };
    const own = Object.keys(answer.moves).length ? answer.moves : null;
    vae43.original.take(answer, file);
    const detail = vae43.detail.of(answer);
    const kind = vary === null ? "picture" : "surprise";
    store.change(kind, { z, key, name: file.name, moves, own, detail });
    vae43.closer.take(answer, file.name);
    const moved = vary === null && Object.keys(mine).length > 0;
    if (answer.note) note(answer.note);
    else if (moved) say(stage.words.still_moved, "ready", NOTE_SECONDS);
  }

  async function save(factor) {
    if (!stage) return;
    const recipe = document.querySelector("#keep-recipe input")?.checked ?? false;
    say(stage.words.saving, "busy", NOTE_SECONDS);
    const request = { factor, recipe };
    const ask = () =>
      vae43.original.save({ ...request, kind: "png" }) ??
      stage.server.save({ ...snapshot(), ...request });
    const answer = await asked(ask);
    if (answer.error) return note(answer.error);
    download(answer.png ?? answer.file, "image/png", answer.name);
    say("");
  }

  function download(base64, type, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob(base64, type));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
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
    ...{ mount, seed, isSeed, surprise, choosePicture, startFrom, save },
    ...{ store, snapshot, whole, restore, followed, say, note, asked, blob, download, wholeSide, again, repaint },
    get server() { return stage?.server; },
    get words() { return stage?.words; },
    firstSeed: (world) => stage.firstSeed(world),
  };
})();
window.vae43 = vae43;
