// A chart of one number over a run: what was seen in training as a line, held out as dots.
//
// It redraws when it is told to, once a frame at most, and draws no more points than it has pixels,
// so that six of them stream without being felt. The canvas is a slider for the keyboard and for
// screen readers: the arrows go along the steps, and what is read out are the values there.
"use strict";

class Chart {
  static LEFT = 38; // px: room for the numbers of the axis
  static BOTTOM = 15;
  static TOP = 6;
  static RIGHT = 6;

  // look(step | null): called while a step is pointed at, by pointer or by key.
  constructor(canvas, { look }) {
    Object.assign(this, { canvas, look });
    this.seen = { x: [], y: [] };
    this.held = { x: [], y: [] };
    this.smoothed = [];
    this.options = { log: false, smooth: 0.6 };
    this.at = null; // the step pointed at, in any of the charts
    this.frame = 0;
    this.draws = 0;
    new ResizeObserver(() => this.redraw()).observe(canvas);
    canvas.addEventListener("pointermove", (event) => look(this.stepAt(event.offsetX)));
    canvas.addEventListener("pointerleave", () => look(null));
    canvas.addEventListener("blur", () => look(null));
    canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && this.key({ key: "End" }));
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  // Points in the order of their steps; a step seen before replaces what came from there on.
  add(kind, step, value) {
    const { x, y } = this[kind];
    while (x.length && x.at(-1) >= step) {
      x.pop();
      y.pop();
      if (kind === "seen") this.smoothed.length = Math.min(this.smoothed.length, x.length);
    }
    x.push(step);
    y.push(value === null || value === undefined ? NaN : value);
  }

  clear() {
    this.seen = { x: [], y: [] };
    this.held = { x: [], y: [] };
    this.smoothed = [];
    this.redraw();
  }

  set(options) {
    if (options.smooth !== undefined && options.smooth !== this.options.smooth) this.smoothed = [];
    Object.assign(this.options, options);
    this.redraw();
  }

  point(step) {
    this.at = step;
    this.redraw();
  }

  // The value nearest to a step, {step, value}, or null.
  near(kind, step) {
    const { x, y } = this[kind];
    if (!x.length) return null;
    let i = Chart.after(x, step);
    if (i === x.length || (i > 0 && step - x[i - 1] < x[i] - step)) i--;
    return { step: x[i], value: kind === "seen" ? this.smooth()[i] : y[i] };
  }

  get last() {
    return { seen: this.smooth().at(-1), held: this.held.y.at(-1) };
  }

  get span() {
    const steps = [this.seen.x[0], this.held.x[0], this.seen.x.at(-1), this.held.x.at(-1)];
    const known = steps.filter((step) => step !== undefined);
    return known.length ? [Math.min(...known), Math.max(...known)] : [0, 1];
  }

  // The first place whose step is not before the one given.
  static after(x, step) {
    let [low, high] = [0, x.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (x[middle] < step) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // A running mean that forgets, and that is fair to its first values. Only what is new is added.
  smooth() {
    const { y } = this.seen;
    const keep = this.options.smooth;
    if (!this.smoothed.length) this.running = { sum: 0, weight: 0, done: 0 };
    if (this.running.done > this.smoothed.length) this.refill();
    for (let i = this.smoothed.length; i < y.length; i++) {
      if (Number.isFinite(y[i])) {
        this.running.sum = keep * this.running.sum + y[i];
        this.running.weight = keep * this.running.weight + 1;
      }
      this.smoothed.push(Number.isFinite(y[i]) ? this.running.sum / this.running.weight : NaN);
      this.running.done = this.smoothed.length;
    }
    return this.smoothed;
  }

  // Points were taken back: the mean begins anew.
  refill() {
    this.smoothed = [];
    this.running = { sum: 0, weight: 0, done: 0 };
  }

  // ------------------------------------------------------------------ drawing

  redraw() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  draw() {
    const { canvas } = this;
    const [width, height, ratio] = [canvas.clientWidth, canvas.clientHeight, window.devicePixelRatio];
    if (!width || !height) return;
    this.draws++;
    const size = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    const c = canvas.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const ink = (name) => style.getPropertyValue(name).trim();
    const colours = { hair: ink("--hair"), faint: ink("--faint"), seen: ink("--pigment"), held: ink("--ochre") };
    c.font = `10.5px ${style.fontFamily}`;
    const scale = this.scale(width, height);
    this.drawAxes(c, scale, colours);
    if (!scale) return;
    c.save();
    c.beginPath();
    c.rect(Chart.LEFT, 0, scale.right - Chart.LEFT + 3, scale.floor);
    c.clip();
    this.drawLine(c, this.seen.x, this.seen.y, scale, colours.seen, 0.25, 1);
    this.drawLine(c, this.seen.x, this.smooth(), scale, colours.seen, 1, 1.6);
    this.drawLine(c, this.held.x, this.held.y, scale, colours.held, 1, 1.2);
    c.restore();
    this.drawDots(c, scale, colours.held);
    this.drawPointer(c, scale, colours);
  }

  // From values to pixels, or null where there is nothing to draw.
  scale(width, height) {
    const { log } = this.options;
    const good = (v) => Number.isFinite(v) && (!log || v > 0);
    let [low, high] = [Infinity, -Infinity];
    for (const values of [this.smooth(), this.held.y]) {
      for (const v of values) if (good(v)) [low, high] = [Math.min(low, v), Math.max(high, v)];
    }
    if (low > high) return null;
    const map = log ? Math.log10 : (v) => v;
    let [bottom, top] = [map(low), map(high)];
    const room = (top - bottom) * 0.06 || Math.abs(top) * 0.1 || 1;
    [bottom, top] = [bottom - room, top + room];
    const [first, last] = this.span;
    const right = width - Chart.RIGHT;
    const floor = height - Chart.BOTTOM;
    const x = (s) => Chart.LEFT + ((s - first) / Math.max(last - first, 1)) * (right - Chart.LEFT);
    const y = (v) => (good(v) ? floor - ((map(v) - bottom) / (top - bottom)) * (floor - Chart.TOP) : NaN);
    return { x, y, first, last, right, floor, bottom, top, log, width };
  }

  drawAxes(c, scale, { hair, faint }) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const floor = Math.round(height - Chart.BOTTOM) + 0.5;
    c.strokeStyle = hair;
    c.lineWidth = 1;
    c.beginPath();
    c.moveTo(Chart.LEFT, floor);
    c.lineTo(width - Chart.RIGHT, floor);
    c.stroke();
    if (!scale) return;
    c.fillStyle = faint;
    c.textAlign = "right";
    c.textBaseline = "middle";
    for (const value of Chart.ticks(scale)) {
      const y = Math.round(scale.y(value)) + 0.5;
      c.fillText(Chart.text(value), Chart.LEFT - 6, y);
      c.globalAlpha = 0.6;
      c.beginPath();
      c.moveTo(Chart.LEFT, y);
      c.lineTo(scale.right, y);
      c.stroke();
      c.globalAlpha = 1;
    }
    c.textBaseline = "alphabetic";
    c.fillText(String(scale.last), scale.right, height - 2);
    c.textAlign = "left";
    if (scale.first !== scale.last) c.fillText(String(scale.first), Chart.LEFT, height - 2);
  }

  // Two to four round values.
  static ticks({ bottom, top, log }) {
    const span = top - bottom;
    const step = log && span > 2 ? Math.ceil(span / 3) : Chart.round(span / 3);
    const found = [];
    for (let t = Math.ceil(bottom / step) * step; t <= top - span * 0.04; t += step) {
      found.push(log ? 10 ** t : Math.abs(t) < step / 1e6 ? 0 : t);
    }
    return found;
  }

  static round(value) {
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 2, 5, 10].find((m) => m * power >= value) * power;
  }

  static text(value) {
    if (!Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    if (size && (size < 1e-3 || size >= 1e5)) return value.toExponential(1).replace("e+", "e");
    return String(Number(value.toPrecision(3)));
  }

  // Of the points that share a pixel, the lowest and the highest.
  drawLine(c, xs, ys, { x, y }, colour, alpha, width) {
    c.strokeStyle = colour;
    c.globalAlpha = alpha;
    c.lineWidth = width;
    c.lineJoin = "round";
    c.beginPath();
    let pen = false;
    let [column, low, high] = [null, 0, 0];
    const flush = () => {
      if (column === null) return;
      if (pen) c.lineTo(column, low);
      else c.moveTo(column, low);
      if (high !== low) c.lineTo(column, high);
      pen = true;
      column = null;
    };
    const thin = xs.length > 600;
    for (let i = 0; i < xs.length; i++) {
      const height = y(ys[i]);
      if (!Number.isFinite(height)) {
        flush();
        pen = false;
        continue;
      }
      const place = thin ? Math.round(x(xs[i])) : x(xs[i]);
      if (place === column) [low, high] = [Math.min(low, height), Math.max(high, height)];
      else {
        flush();
        [column, low, high] = [place, height, height];
      }
    }
    flush();
    c.stroke();
    c.globalAlpha = 1;
  }

  drawDots(c, { x, y }, colour) {
    if (this.held.x.length > 60) return;
    c.fillStyle = colour;
    this.held.x.forEach((step, i) => {
      const height = y(this.held.y[i]);
      if (!Number.isFinite(height)) return;
      c.beginPath();
      c.arc(x(step), height, 2, 0, 2 * Math.PI);
      c.fill();
    });
  }

  drawPointer(c, { x, y, floor }, { faint, seen, held }) {
    if (this.at === null) return;
    const points = { seen: this.near("seen", this.at), held: this.near("held", this.at) };
    const place = Math.round(x(points.seen?.step ?? this.at)) + 0.5;
    c.strokeStyle = faint;
    c.lineWidth = 1;
    c.beginPath();
    c.moveTo(place, Chart.TOP);
    c.lineTo(place, floor);
    c.stroke();
    for (const [kind, colour] of [["seen", seen], ["held", held]]) {
      const height = points[kind] && y(points[kind].value);
      if (!Number.isFinite(height)) continue;
      c.fillStyle = colour;
      c.beginPath();
      c.arc(x(points[kind].step), height, 3.2, 0, 2 * Math.PI);
      c.fill();
    }
  }

  // ------------------------------------------------------------------ the hand

  stepAt(px) {
    if (!this.seen.x.length && !this.held.x.length) return null;
    const [first, last] = this.span;
    const share = (px - Chart.LEFT) / (this.canvas.clientWidth - Chart.RIGHT - Chart.LEFT);
    return first + Math.min(Math.max(share, 0), 1) * (last - first);
  }

  key(event) {
    const { x } = this.seen.x.length ? this.seen : this.held;
    if (!x.length) return;
    const here = this.at === null ? x.length - 1 : Chart.after(x, this.at);
    const leap = Math.max(1, Math.round(x.length / 10));
    const to = {
      ...{ ArrowLeft: here - 1, ArrowDown: here - 1, ArrowRight: here + 1, ArrowUp: here + 1 },
      ...{ PageDown: here - leap, PageUp: here + leap, Home: 0, End: x.length - 1 },
    }[event.key];
    if (to === undefined) return event.key === "Escape" ? this.look(null) : undefined;
    event.preventDefault?.();
    this.look(x[Math.min(Math.max(to, 0), x.length - 1)]);
  }
}
