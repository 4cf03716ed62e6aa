// The file itself, of a picture whose detail is kept: it stays in the browser (IndexedDB), and is
// what the canvas shows and what is saved, with all its pixels.
//
// The server draws the world's small square. What that changes, the difference to the picture that
// the state carries, is enlarged here and added to the file (laying.js). A world without transparency
// sees the square in the middle of a photograph; here all of it is shown, and what is beyond the
// square changes by a few numbers that the server sends along. Only what is saved goes to the server.
"use strict";

vae43.original = (() => {
  const KEPT = 3; // files
  const MOVING = 384; // pixels a side while the hand moves
  const FARTHEST = 8; // squares to either side of the world's that are changed (vae/placement.py)
  const TABLE = "originals";
  const { store, laying } = vae43;
  let files = new Map(); // {file, frame, at: when it was taken} by the packed picture
  let prepared = []; // {packed, side, size, small, large, …}: what frames are laid on, newest last
  const preparing = new Map(); // promises of the same
  let button = null;

  // ------------------------------------------------------------------ files kept in the browser

  function database() {
    return new Promise((resolve, reject) => {
      const asked = indexedDB.open("43.VAE", 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore(TABLE);
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  }

  // Run `work(table)`; what a closed or full storage does not do is not done.
  async function stored(mode, work) {
    try {
      const base = await database();
      const errand = base.transaction(TABLE, mode);
      const answer = work(errand.objectStore(TABLE));
      const found = await new Promise((resolve) => {
        errand.oncomplete = () => resolve(answer?.result);
        errand.onerror = errand.onabort = () => resolve(undefined);
      });
      base.close();
      return found;
    } catch {
      return undefined;
    }
  }

  async function load() {
    const [keys, rows] = [
      await stored("readonly", (table) => table.getAllKeys()),
      await stored("readonly", (table) => table.getAll()),
    ];
    (keys ?? []).forEach((key, i) => files.has(key) || files.set(key, rows[i]));
    show();
    if (way(store.state)) vae43.again(); // what it changes beyond the square has not been asked for
    else vae43.repaint();
  }

  // A picture was read: `frame` says where it lies on the square, null where it is no larger. Its
  // bytes are kept, for the file itself may be changed or gone by the time it is saved.
  async function take({ packed, frame }, file) {
    if (!packed || !frame) return;
    const row = { file, frame, at: Date.now() };
    const newest = [[packed, row], ...[...files].filter(([key]) => key !== packed)];
    newest.sort(([, a], [, b]) => b.at - a.at);
    files = new Map(newest.slice(0, KEPT));
    show();
    row.file = new Blob([await file.arrayBuffer()], { type: file.type });
    await stored("readwrite", (table) => {
      for (const [key] of newest.slice(KEPT)) table.delete(key);
      table.put(row, packed);
    });
  }

  const of = (state) => (state.detail ? files.get(state.detail.webp) : undefined);

  // Which way the file of a state goes on beyond the world's square, "across" or "down", if it does.
  const way = (state) => wayOf(of(state)?.frame);

  function wayOf(frame) {
    if (!frame?.on_white || frame.width === frame.height) return undefined;
    if (frame.target.some((edge, i) => edge !== (i > 1 ? 1 : 0))) return undefined; // it fills none
    return frame.width > frame.height ? "across" : "down";
  }

  // What a frame is asked for beside its state.
  const asking = (state) => (way(state) ? { beyond: way(state) } : {});

  // ------------------------------------------------------------------ on the canvas

  // Return the picture of a frame with the file's own pixels, or null where there is no such file
  // or it is not ready yet; `ready` is called once it is. Until then it is laid on what there is of
  // another size.
  function sharp(bitmap, state, side, ready) {
    if (!of(state)) return null;
    const { webp } = state.detail;
    const found = made(webp, side);
    if (!found && !preparing.has(`${side}/${webp}`)) making(state, side).then(ready);
    const one = found ?? prepared.findLast(({ packed }) => packed === webp);
    return one ? laid(bitmap, one, state) : null;
  }

  const made = (webp, side) => prepared.find((one) => one.packed === webp && one.side === side);

  const laid = (bitmap, one, state) =>
    laying.lay(bitmap, one, { ...state, share: state.detail.share ?? 1 });

  function making(state, side) {
    const { webp } = state.detail;
    const name = `${side}/${webp}`;
    if (!preparing.has(name)) {
      const unreadable = () => void files.delete(webp); // this browser cannot read it after all
      const end = () => void preparing.delete(name);
      preparing.set(name, prepare(of(state), webp, side).catch(unreadable).then(end));
    }
    return preparing.get(name);
  }

  // The same as the address of a picture; null where there is no such file.
  async function address(bitmap, state, side) {
    if (!of(state)) return null;
    if (!made(state.detail.webp, side)) await making(state, side);
    const one = made(state.detail.webp, side);
    const canvas = one && laid(bitmap, one, state);
    return canvas && URL.createObjectURL(await canvas.convertToBlob({ type: "image/webp", quality: 1 }));
  }

  // Where a square lies on a stage of so many pixels: left, top, width, height. Within the whole
  // picture, where that is shown.
  function place(state, side) {
    if (!way(state)) return [0, 0, side, side];
    const { width, height } = of(state).frame;
    const square = (side * Math.min(width, height)) / Math.max(width, height);
    return [(side - square) / 2, (side - square) / 2, square, square];
  }

  async function prepare({ file, frame }, packed, side) {
    const square = await createImageBitmap(vae43.blob(packed, "image/webp"));
    const whole = await createImageBitmap(file);
    const size = square.width;
    const toward = wayOf(frame);
    const [wide, high] = toward ? contained(frame, side) : [side, side];
    const canvas = new OffscreenCanvas(wide, high);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const all = [0, 0, whole.width, whole.height];
    if (toward) draw(context, frame, whole, all, [0, 0, wide, high]);
    else {
      const [left, top, right, bottom] = frame.target.map((edge) => edge * side);
      draw(context, frame, whole, partOf(frame, whole), [left, top, right - left, bottom - top]);
    }
    const grey = frame.grey ? laying.greyed : (values) => values;
    const large = grey(laying.premultiplied(context.getImageData(0, 0, wide, high).data));
    const small = toward ? surroundings(frame, whole, square, toward) : alone(square);
    small.before = grey(small.before);
    whole.close();
    square.close();
    const target = context.createImageData(wide, high);
    prepared = [...prepared.slice(-3), { packed, side, size, small, large, canvas, context, target }];
  }

  function draw(context, frame, picture, part, place) {
    context.imageSmoothingQuality = "high";
    if (frame.on_white) {
      context.fillStyle = "white";
      context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    }
    context.drawImage(picture, ...part, ...place);
  }

  // What of a picture is on the world's square: left, top, width, height.
  function partOf({ source: [left, top, right, bottom] }, { width, height }) {
    return [left * width, top * height, (right - left) * width, (bottom - top) * height];
  }

  // Sides of a whole picture within a stage, of one parity with it: the middle is a whole pixel.
  function contained({ width, height }, side) {
    const shorter = (side * Math.min(width, height)) / Math.max(width, height);
    const other = Math.max(side - 2 * Math.round((side - shorter) / 2), side % 2 || 2);
    return width > height ? [side, other] : [other, side];
  }

  const alone = (square) => {
    const { width, height } = square;
    return { width, height, before: laying.read(square), part: [0, 0, 1, 1] };
  };

  // The square with what is beyond it, in whole pixels of the square; `part` is where the picture
  // lies on that, in shares (vae/placement.py).
  function surroundings(frame, whole, square, toward) {
    const size = square.width;
    const [shorter, longer] = [frame.width, frame.height].sort((a, b) => a - b);
    const fits = Math.floor(((longer - shorter) * size) / (2 * shorter));
    const beyond = Math.min(fits, FARTHEST * size);
    const [across, down] = toward === "across" ? [beyond, 0] : [0, beyond];
    const [width, height] = [size + 2 * across, size + 2 * down];
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    const [left, top, wide, high] = partOf(frame, whole);
    const [x, y] = [(across * wide) / size, (down * high) / size];
    const part = [left - x, top - y, wide + 2 * x, high + 2 * y];
    draw(context, frame, whole, part, [0, 0, width, height]);
    context.drawImage(square, across, down);
    const before = laying.premultiplied(context.getImageData(0, 0, width, height).data);
    const low = 0.5 - (size * longer) / (2 * shorter * (size + 2 * beyond));
    const shares = toward === "across" ? [low, 0, 1 - low, 1] : [0, low, 1, 1 - low];
    return { width, height, way: toward, before, part: shares };
  }

  // ------------------------------------------------------------------ saving

  // A request to save, made where the file's own pixels are wanted; else undefined.
  function save(request) {
    const kept = of(store.state);
    if (!kept) return undefined;
    const data = { file: kept.file, request: JSON.stringify({ ...vae43.snapshot(), ...request }) };
    return vae43.server.save_original({ binary: true, data });
  }

  async function saveOwn() {
    const { file } = of(store.state);
    const kind = { "image/jpeg": "jpg", "image/webp": "webp" }[file.type] ?? "png";
    vae43.say(vae43.words.saving, "busy", 60);
    const answer = await vae43.asked(() => save({ factor: "own", kind }));
    if (answer.error) return vae43.note(answer.error);
    const stem = (store.state.name ?? "picture").replace(/\.\w+$/, "");
    const end = answer.name.slice(answer.name.lastIndexOf("."));
    vae43.download(answer.file, answer.type, `${stem}-${vae43.worlds.here.name}${end}`);
    vae43.say("");
  }

  document.addEventListener("vae43:opening", load);

  function mounted() {
    const row = document.getElementById("detail");
    if (!row) return setTimeout(mounted, 50); // its own script makes it
    button = Object.assign(document.createElement("button"), { type: "button", className: "own-size" });
    row.append(button);
    button.addEventListener("click", saveOwn);
    store.listen(show);
    document.addEventListener("vae43:language", show);
    return show();
  }

  function show() {
    if (!button) return;
    const frame = of(store.state)?.frame;
    button.hidden = !frame;
    if (!frame) return;
    const told = (text) => text.replace("{width}", frame.width).replace("{height}", frame.height);
    button.textContent = told(vae43.words.own_size);
    button.title = told(vae43.words.own_size_note);
  }

  document.addEventListener("vae43:mounted", mounted);

  return { MOVING, take, of, asking, place, sharp, address, save };
})();
