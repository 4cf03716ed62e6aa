// The arithmetic of laying a world's change on a file's own pixels; see original.js.
//
// Pictures are premultiplied channels, 0 to 255, four a pixel.
"use strict";

vae43.laying = (() => {
  const NEAR_EDGE = 3; // pixels of the world's square
  const PARTS = 8; // of a border, each with a map of its own (vae/border_change.py)
  const INWARD = 1 / 4; // of a side, within which the maps take over
  const LUMA = [0.299, 0.587, 0.114];

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

  // Take the colour from a picture, as a world of grey sees it.
  function greyed(values) {
    for (let i = 0; i < values.length; i += 4) {
      const light = LUMA[0] * values[i] + LUMA[1] * values[i + 1] + LUMA[2] * values[i + 2];
      values.fill(light, i, i + 3);
    }
    return values;
  }

  // Add the difference of two small pictures to a large one, enlarged bilinearly. What an edit has
  // moved is warped first; of what is finer than the small pictures the share is taken that stays.
  // `one`: a picture made ready, {size, small: {width, height, before, part}, large, …}.
  function lay(bitmap, one, { warp, blur, share: kept, beyond }) {
    const { size, small, canvas, context, target } = one;
    if (bitmap.width !== size) return null; // of another world
    if (small.way && !beyond) return null; // it was asked for before there was more than the square
    const change = small.way ? extended(read(bitmap), size, small, beyond) : read(bitmap);
    const before = warp ? warped(small.before, size, warp) : small.before;
    const large = warp ? warped(one.large, canvas.width, warp) : one.large;
    const stays = staying(before, size, blur, kept);
    for (let i = 0; i < change.length; i++) change[i] -= stays[i >> 2] * before[i];
    const { data } = target;
    const [low, first, high, last] = small.part;
    const across = steps(canvas.width, small.width, low, high);
    const down = steps(canvas.height, small.height, first, last);
    const row = new Float32Array(4 * small.width);
    const part = new Float32Array(small.width); // of the file that stays
    for (let y = 0, at = 0; y < canvas.height; y++) {
      const upper = small.width * down.from[y];
      const lower = small.width * down.to[y];
      const under = down.share[y];
      for (let i = 0; i < row.length; i++) {
        const above = change[4 * upper + i];
        row[i] = above + under * (change[4 * lower + i] - above);
      }
      for (let i = 0; i < part.length; i++) {
        part[i] = stays[upper + i] + under * (stays[lower + i] - stays[upper + i]);
      }
      for (let x = 0; x < canvas.width; x++, at += 4) {
        const from = across.from[x];
        const to = across.to[x];
        const [i, j] = [4 * from, 4 * to];
        const right = across.share[x];
        const file = part[from] + right * (part[to] - part[from]);
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

  // A square as it is changed, with all that goes on beyond it: changed by maps of the colours that
  // vary along the two borders and hold beyond them; toward these the square gives way to them
  // (vae/border_change.py, `extend`). `way`: "across" or "down".
  function extended(after, size, { width, height, before, way }, numbers) {
    const changed = Float32Array.from(before);
    const corner = 4 * (((height - size) / 2) * width + (width - size) / 2);
    for (let row = 0; row < size; row++) {
      const line = after.subarray(4 * row * size, 4 * (row + 1) * size);
      changed.set(line, corner + 4 * row * width);
    }
    const across = way === "across";
    const [outward, along] = across ? [4, 4 * width] : [4 * width, 4];
    const length = across ? width : height;
    const maps = rowsOf(numbers, size);
    for (let place = 0; place < length; place++) {
      const inward = (place + 0.5 - (length - size) / 2) / size;
      for (let border = 0; border < 2; border++) {
        const share = faded(border ? 1 - inward : inward);
        if (!share) continue;
        let map = 12 * size * border;
        for (let i = 0, at = outward * place; i < size; i++, at += along) {
          const [red, green, blue] = [before[at], before[at + 1], before[at + 2]];
          for (let c = 0; c < 3; c++, map += 4) {
            const added =
              maps[map] * red + maps[map + 1] * green + maps[map + 2] * blue + maps[map + 3];
            changed[at + c] += share * (before[at + c] + added - changed[at + c]);
          }
        }
      }
    }
    for (let i = 0; i < changed.length; i++) changed[i] = Math.min(Math.max(changed[i], 0), 255);
    return changed;
  }

  function faded(inward) {
    const share = Math.min(Math.max(1 - inward / INWARD, 0), 1);
    return share * share * (3 - 2 * share);
  }

  // Twelve numbers of each pixel along the two borders: three slopes and a shift of each channel.
  // The server's are of `PARTS` to a border, and of grey two.
  function rowsOf(numbers, size) {
    const each = numbers.length / (2 * PARTS);
    const found = new Float32Array(2 * size * 12);
    for (let i = 0, at = 0; i < 2 * size; i++) {
      const place = Math.min(Math.max((((i % size) + 0.5) * PARTS) / size - 0.5, 0), PARTS - 1);
      const part = Math.min(Math.floor(place), PARTS - 2);
      const from = each * (PARTS * Math.floor(i / size) + part);
      const mixed = (k) =>
        numbers[from + k] + (place - part) * (numbers[from + each + k] - numbers[from + k]);
      for (let k = 0; k < 12; k++, at++) {
        const shift = k % 4 === 3;
        if (each === 12) found[at] = mixed(k);
        else if (shift) found[at] = mixed(1);
        else if (k % 5 === 0) found[at] = mixed(0); // each channel by itself
        if (shift) found[at] *= 255;
      }
    }
    return found;
  }

  // How much of the file's own pixels stays, for each of the small square: the share that is kept,
  // less next to an edge that is blurred (vae/edge_change.py, `veil`).
  function staying(before, size, blur, kept) {
    const stays = new Float32Array(before.length / 4).fill(kept);
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

  // For each pixel of a large side: its two neighbours on the small one, and how near the second.
  // It lies from `low` to `high`, in shares of the small.
  function steps(side, size, low, high) {
    const [from, to] = [new Int32Array(side), new Int32Array(side)];
    const share = new Float32Array(side);
    for (let i = 0; i < side; i++) {
      const place = (low + ((i + 0.5) * (high - low)) / side) * size - 0.5;
      const at = Math.min(Math.max(place, 0), size - 1);
      from[i] = at;
      to[i] = Math.min(from[i] + 1, size - 1);
      share[i] = at - from[i];
    }
    return { from, to, share };
  }

  return { read, premultiplied, greyed, lay };
})();
