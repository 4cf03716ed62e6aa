// The file itself, of a picture whose detail is kept: it stays in the browser (IndexedDB), and is
// what the canvas shows and what is saved, with all its pixels.
//
// The server draws the world's small square. What that changes, the difference to the picture that
// the state carries, is enlarged here and added to the file. Only what is saved goes to the server.
"use strict";

vae43.original = (() => {
  const KEPT = 3; // files
  const MOVING = 384; // pixels a side while the hand moves
  const NEAR_EDGE = 3; // pixels of the world's square
  const TABLE = "originals";
  const { store } = vae43;
  let files = new Map(); // {file, frame, at: when it was taken} by the packed picture
  let prepared = []; // {packed, side, large, before, size}: what frames are laid on, newest last
  const preparing = new Set();
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
    vae43.repaint();
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

  // ------------------------------------------------------------------ on the canvas

  // Return the picture of a frame with the file's own pixels, or null where there is no such file
  // or it is not ready yet; `ready` is called once it is.
  function sharp(bitmap, state, side, ready) {
    if (!of(state)) return null;
    const { webp } = state.detail;
    const found = prepared.find((one) => one.packed === webp && one.side === side);
    if (found) return lay(bitmap, found, { ...state, share: state.detail.share ?? 1 });
    const name = `${side}/${webp}`;
    if (!preparing.has(name)) {
      preparing.add(name);
      prepare(of(state), webp, side)
        .then(ready, () => files.delete(webp)) // a file that this browser cannot read after all
        .finally(() => preparing.delete(name));
    }
    return null;
  }

  // The same as the address of a picture, once it is ready; null where there is no such file.
  async function address(bitmap, state, side) {
    if (!of(state)) return null;
    await new Promise((ready) => (sharp(bitmap, state, side, ready) ? ready() : setTimeout(ready, 3000)));
    const canvas = sharp(bitmap, state, side, () => {});
    return canvas && URL.createObjectURL(await canvas.convertToBlob({ type: "image/webp", quality: 1 }));
  }

  async function prepare({ file, frame }, packed, side) {
    const small = await createImageBitmap(vae43.blob(packed, "image/webp"));
    const whole = await createImageBitmap(file);
    const canvas = new OffscreenCanvas(side, side);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    if (frame.on_white) {
      context.fillStyle = "white";
      context.fillRect(0, 0, side, side);
    }
    const [left, top, right, bottom] = frame.source;
    const [x, y, end, foot] = frame.target.map((edge) => edge * side);
    const { width, height } = whole;
    const part = [left * width, top * height, (right - left) * width, (bottom - top) * height];
    context.drawImage(whole, ...part, x, y, end - x, foot - y);
    whole.close();
    const large = premultiplied(context.getImageData(0, 0, side, side).data);
    const before = read(small);
    const size = small.width;
    small.close();
    const target = context.createImageData(side, side);
    prepared = [...prepared.slice(-3), { packed, side, size, large, before, canvas, context, target }];
  }

  // Premultiplied channels of a bitmap, 0 to 255.
  function read(bitmap) {
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    return premultiplied(context.getImageData(0, 0, width, height).data);
  }

  function premultiplied(data) {
    const values = new Float32Array(data.length);
    for (let i = 0; i < data.length; i += 4) {
      const alpha = data[i + 3];
      for (let c = 0; c < 3; c++) values[i + c] = (data[i + c] * alpha) / 255;
      values[i + 3] = alpha;
    }
    return values;
  }

  // Add the difference of two small squares to a large one, enlarged bilinearly. What an edit has
  // moved is warped first; of what is finer than the small squares the share is taken that stays.
  function lay(bitmap, one, { warp, blur, share: kept }) {
    const { side, size, canvas, context, target } = one;
    const change = read(bitmap);
    if (change.length !== one.before.length) return null; // of another world
    const before = warp ? warped(one.before, size, warp) : one.before;
    const large = warp ? warped(one.large, side, warp) : one.large;
    const stays = staying(before, size, blur, kept);
    for (let i = 0; i < change.length; i++) change[i] -= stays[i >> 2] * before[i];
    const { data } = target;
    const { from, to, share } = steps(side, size);
    const row = new Float32Array(4 * size);
    const part = new Float32Array(size); // of the file that stays
    for (let y = 0, at = 0; y < side; y++) {
      const upper = size * from[y];
      const lower = size * to[y];
      const down = share[y];
      for (let i = 0; i < row.length; i++) {
        const above = change[4 * upper + i];
        row[i] = above + down * (change[4 * lower + i] - above);
      }
      for (let i = 0; i < size; i++) {
        part[i] = stays[upper + i] + down * (stays[lower + i] - stays[upper + i]);
      }
      for (let x = 0; x < side; x++, at += 4) {
        const i = 4 * from[x];
        const j = 4 * to[x];
        const right = share[x];
        const file = part[from[x]] + right * (part[to[x]] - part[from[x]]);
        const alpha = file * large[at + 3] + row[i + 3] + right * (row[j + 3] - row[i + 3]);
        const scale = alpha >= 255 ? 1 : alpha > 0.5 ? 255 / alpha : 0;
        for (let c = 0; c < 3; c++) {
          const added = row[i + c] + right * (row[j + c] - row[i + c]);
          data[at + c] = scale * (file * large[at + c] + added);
        }
        data[at + 3] = alpha; // what is beyond 0 or 255 is cut by the array itself
      }
    }
    context.putImageData(target, 0, 0);
    return canvas;
  }

  // How much of the file's own pixels stays, for each of the small square: the share that is kept,
  // less next to an edge that is blurred (vae/edge_change.py, `veil`).
  function staying(before, size, blur, kept) {
    const stays = new Float32Array(size * size).fill(kept);
    if (!blur) return stays;
    const lost = 1 - Math.exp(-((Math.PI * blur * size) ** 2) / 2);
    const alpha = Float32Array.from({ length: size * size }, (_, i) => before[4 * i + 3] / 255);
    const [highest, lowest] = [Math.max, Math.min].map((most) =>
      pooled(pooled(alpha, size, 1, most), size, size, most),
    );
    for (let i = 0; i < stays.length; i++) stays[i] *= 1 - lost * (highest[i] - lowest[i]);
    return stays;
  }

  // The most of each value and those up to NEAR_EDGE before and after it, `step` apart.
  function pooled(values, size, step, most) {
    const found = Float32Array.from(values);
    for (let i = 0; i < values.length; i++) {
      const place = step === 1 ? i % size : Math.floor(i / size);
      for (let d = -NEAR_EDGE; d <= NEAR_EDGE; d++) {
        if (place + d >= 0 && place + d < size) found[i] = most(found[i], values[i + d * step]);
      }
    }
    return found;
  }

  // Fetch each pixel of a square from where a warp of the second degree says: twelve numbers, in
  // halves of the side from the middle (vae/warp.py). Bilinear; nothing is beyond the square.
  function warped(values, side, [a, b, c, d, e, f, k, l, m, n, o, p]) {
    const found = new Float32Array(values.length);
    for (let row = 0, at = 0; row < side; row++) {
      const y = (2 * row + 1) / side - 1;
      for (let column = 0; column < side; column++, at += 4) {
        const x = (2 * column + 1) / side - 1;
        const across = x + a + b * x + c * y + d * x * x + e * x * y + f * y * y;
        const down = y + k + l * x + m * y + n * x * x + o * x * y + p * y * y;
        const left = ((across + 1) * side - 1) / 2;
        const top = ((down + 1) * side - 1) / 2;
        const i = Math.floor(left);
        const j = Math.floor(top);
        if (i < -1 || j < -1 || i >= side || j >= side) continue;
        const right = left - i;
        const low = top - j;
        if (i >= 0 && j >= 0 && i < side - 1 && j < side - 1) {
          const upper = 4 * (j * side + i);
          const lower = upper + 4 * side;
          for (let c = 0; c < 4; c++) {
            const u = values[upper + c] + right * (values[upper + 4 + c] - values[upper + c]);
            const v = values[lower + c] + right * (values[lower + 4 + c] - values[lower + c]);
            found[at + c] = u + low * (v - u);
          }
          continue;
        }
        addFrom(values, side, i, j, (1 - right) * (1 - low), found, at);
        addFrom(values, side, i + 1, j, right * (1 - low), found, at);
        addFrom(values, side, i, j + 1, (1 - right) * low, found, at);
        addFrom(values, side, i + 1, j + 1, right * low, found, at);
      }
    }
    return found;
  }

  // Add a share of one pixel, if it is there.
  function addFrom(values, side, column, row, share, found, at) {
    if (column < 0 || row < 0 || column >= side || row >= side) return;
    const from = 4 * (row * side + column);
    for (let c = 0; c < 4; c++) found[at + c] += share * values[from + c];
  }

  // For each pixel of the large side: its two neighbours on the small one, and how near the second.
  function steps(side, size) {
    const [from, to] = [new Int32Array(side), new Int32Array(side)];
    const share = new Float32Array(side);
    for (let i = 0; i < side; i++) {
      const at = Math.min(Math.max(((i + 0.5) * size) / side - 0.5, 0), size - 1);
      from[i] = at;
      to[i] = Math.min(from[i] + 1, size - 1);
      share[i] = at - from[i];
    }
    return { from, to, share };
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

  function mounted() {
    const row = document.getElementById("detail");
    if (!row) return setTimeout(mounted, 50); // its own script makes it
    button = Object.assign(document.createElement("button"), { type: "button", className: "own-size" });
    row.append(button);
    button.addEventListener("click", saveOwn);
    store.listen(show);
    document.addEventListener("vae43:language", show);
    return load();
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

  return { MOVING, take, of, sharp, address, save };
})();
