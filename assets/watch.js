// A run as it is watched: what it draws, now and then, its curves, the coach, and the controls.
"use strict";

vae43.watch = (() => {
  const TILE = 64;
  const NINE = 9;
  const ROWS = { drawn: 0, original: 1, new: 2 }; // of a sheet of pictures
  const PLAY = 160; // ms a picture
  const MINUTES = [1, 5, 20];
  const KEPT = "kept";
  const LIVE = "live";
  let root = null;
  let props = null;
  let words = null;
  let run = null;
  let steps = []; // of its sheets, in order; a world ends with KEPT, the weights it keeps
  let place = null; // the place in `steps` that is looked at; null follows the newest
  let live = null; // when the sheet was written whose tiles are drawn one by one; null: none is
  let painted = null; // which of them is shown
  let drawing = false;
  let sheets = new Map(); // step → a promise of its picture
  let charts = new Map();
  let playing = null;
  let acting = false;
  let mirrored = "";
  let saving = null; // how many saves there had been when one was asked for

  const { train } = vae43;
  const find = (selector) => root.querySelector(selector);

  // ------------------------------------------------------------------ mounting

  function mount(element, properties) {
    [root, props, words] = [element, properties, properties.words];
    for (const figure of root.querySelectorAll("[data-curve]")) {
      const chart = new Chart(figure.querySelector("canvas"), { look: point });
      charts.set(figure.dataset.curve, chart);
    }
    find(".curves .log").addEventListener("change", ({ target }) => set({ log: target.checked }));
    find(".curves .smooth input").addEventListener("input", ({ target }) =>
      set({ smooth: Number(target.value) }),
    );
    find(".curves .csv").addEventListener("click", saveCsv);
    find(".acts").addEventListener("click", ({ target }) => {
      if (target.dataset.act) act(target.dataset.act);
      if (target.dataset.minutes) act("extend", { minutes: Number(target.dataset.minutes) });
    });
    const more = MINUTES.map((minutes) => {
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.dataset.minutes = minutes;
      button.textContent = train.fill(words.extend_by, { minutes: train.timeOf(60 * minutes) });
      return button;
    });
    find(".extend div").append(...more);
    drawValues();
    find(".forget").addEventListener("click", forget);
    find(".finished .open").addEventListener("click", () => vae43.own.open(run.world));
    find(".finished .download").addEventListener("click", () => vae43.own.download(run.world));
    find(".scrub input").addEventListener("input", ({ target }) => {
      stop();
      goTo(Number(target.value));
    });
    find(".scrub .play").addEventListener("click", () => (playing ? stop() : play()));
    find(".scrub .newest").addEventListener("click", () => {
      stop();
      goTo(steps.length - 1);
    });
    find(".mirror").addEventListener("toggle", mirror);
    document.addEventListener("vae43:language", speak);
    new MutationObserver(() => charts.forEach((chart) => chart.redraw())).observe(document.body, {
      attributes: true,
      attributeFilter: ["class"],
    });
  }

  function speak() {
    stop();
    drawValues();
    if (!run) return;
    drawRun();
    drawBoards();
    mirrored = "";
    mirror();
  }

  function begin(id) {
    stop();
    [run, steps, place, live, sheets, mirrored] = [null, [], null, null, new Map(), ""];
    for (const chart of charts.values()) chart.clear();
    find(".mirror").open = false;
    find(".mirror ul").replaceChildren();
    trouble("");
    if (id) drawBoards();
  }

  // ------------------------------------------------------------------ what is new

  function take(status, records, sheetSteps, kept, stamp = null) {
    const before = run;
    run = status;
    const newSteps = kept ? [...sheetSteps, KEPT] : sheetSteps;
    for (const record of records) note(record);
    if (records.length) drawValues();
    live = stamp;
    const fresh = live !== painted && place === null && !drawing;
    if (fresh || newSteps.length !== steps.length || newSteps.at(-1) !== steps.at(-1)) {
      steps = newSteps;
      if (place !== null) place = Math.min(place, steps.length - 1);
      drawBoards();
    }
    drawRun();
    if (before && before.state !== run.state) mirror();
  }

  function note({ kind, step, ...values }) {
    const which = { step: "seen", test: "held", end: "held" }[kind];
    if (!which) return;
    for (const [name, chart] of charts) {
      if (name in values) chart.add(which, step, values[name]);
    }
  }

  function drawRun() {
    const { state } = run;
    train.write(find(".run h2"), run.name);
    train.write(find(".run .state"), train.stateOf(run));
    if (saving !== null && run.saves > saving) {
      saving = null;
      train.write(find(".run .saved"), words.save_done);
      setTimeout(() => train.write(find(".run .saved"), ""), 4000);
    }
    const ended = ["done", "stopped"].includes(state);
    const coach = ended || !run.message ? run.coach?.sentence : ""; // at the end it sums up
    const told = [run.message, coach].filter(Boolean).join(" ");
    const said = told || (state === "queued" ? words.queue_note : "");
    train.write(find(".coach"), said);
    find(".run").dataset.state = state;
    find(".run").dataset.coach = run.coach?.code ?? "";
    find(".run progress").value = run.progress ?? 0;
    train.write(find(".facts"), facts());
    const can = {
      pause: state === "training",
      resume: state === "paused",
      retry: state === "failed",
      save: state === "training",
      stop: ["queued", "preparing", "training", "paused"].includes(state),
    };
    for (const button of root.querySelectorAll("[data-act]")) {
      button.hidden = !can[button.dataset.act];
      button.disabled = acting;
    }
    train.write(find("[data-act=stop]"), state === "queued" ? words.leave_queue : words.stop);
    const rests = ["done", "stopped", "failed"].includes(state);
    find(".extend").hidden = !["training", "paused", "done", "stopped"].includes(state);
    find(".forget").hidden = !rests;
    find(".finished").hidden = !ended || !vae43.own.has(run.world); // it may be deleted since
  }

  function facts() {
    const parts = [];
    if (run.step) parts.push(train.fill(words.step, { step: run.step }));
    if (run.state === "training" && run.images_per_second) {
      const rate = Number(run.images_per_second.toPrecision(2));
      parts.push(train.fill(words.rate, { rate }));
    }
    const working = ["training", "preparing", "finishing", "paused"].includes(run.state);
    if (working && Number.isFinite(run.seconds_left)) {
      parts.push(train.fill(words.left, { time: train.timeOf(run.seconds_left) }));
    }
    if (Number.isFinite(run.kept_step)) parts.push(train.fill(words.keeps, { step: run.kept_step }));
    return parts.join(" · ");
  }

  function trouble(text) {
    train.write(find(".run .trouble"), text);
  }

  async function act(name, more = {}) {
    if (!run || acting) return;
    acting = true;
    trouble("");
    drawRun();
    const errand = name === "retry" ? "resume" : name;
    const answer = await train.ask("control", { id: run.id, act: errand, ...more });
    acting = false;
    find(".extend").open = false;
    trouble(answer.error ?? "");
    if (name === "save" && !answer.error) saving = run.saves;
    drawRun();
    train.beat(0);
  }

  async function forget() {
    const { id, name } = run;
    if (!(await train.sure(train.fill(words.forget_sure, { name }), words.yes_remove))) return;
    const answer = await train.ask("forget_run", { id });
    if (answer.error) return trouble(answer.error);
    train.choose(null);
  }

  // ------------------------------------------------------------------ curves

  function set(options) {
    for (const chart of charts.values()) chart.set(options);
    drawValues();
  }

  // All charts point at the same step.
  function point(step) {
    for (const chart of charts.values()) chart.point(step);
    drawValues(step);
  }

  function drawValues(step = null) {
    for (const [name, chart] of charts) {
      const output = chart.canvas.parentElement.querySelector("output");
      const values =
        step === null
          ? chart.last
          : { seen: chart.near("seen", step)?.value, held: chart.near("held", step)?.value };
      const known = [values.seen, values.held].filter((value) => value !== undefined);
      train.write(output, known.length ? known.map(Chart.text).join(" / ") : words.no_values);
      // A run without a judge has no chart of one.
      if (name === "adversarial") chart.canvas.parentElement.hidden = !(chart.seen.x.length + chart.held.x.length);
      chart.canvas.classList.toggle("none", !known.length);
      label(chart, step);
      chart.redraw();
    }
  }

  // What a screen reader says of a chart.
  function label(chart, step) {
    const { canvas, seen, held } = chart;
    const [first, last] = chart.span;
    const now = Math.round(step ?? last);
    canvas.setAttribute("aria-valuemin", first);
    canvas.setAttribute("aria-valuemax", last);
    canvas.setAttribute("aria-valuenow", now);
    const at = (kind, place) => Chart.text(chart.near(kind, place)?.value);
    const ends = { first: at("seen", first), last: at("seen", last), step: last };
    const here = { step: now, seen: at("seen", now) };
    const text = step === null ? train.fill(words.chart, ends) : train.fill(words.chart_at, here);
    const beside = held.x.length ? train.fill(words.chart_held, { held: at("held", now) }) : "";
    canvas.setAttribute("aria-valuetext", seen.x.length ? text + beside : words.no_values);
  }

  async function saveCsv() {
    const answer = await train.ask("csv", { id: run.id });
    if (answer.error) return trouble(answer.error);
    train.hand(new Blob([answer.csv], { type: "text/csv" }), answer.name);
  }

  // ------------------------------------------------------------------ pictures through time

  function sheet(at) {
    if (at === LIVE) return fetched(at); // it is another each time
    const step = at === KEPT ? `${KEPT} ${run.step}` : at; // more time makes another world
    if (!sheets.has(step)) {
      const found = fetched(at);
      found.catch(() => sheets.delete(step));
      sheets.set(step, found);
    }
    return sheets.get(step);
  }

  async function fetched(at) {
    const answer = await train.ask("sheet", { id: run.id, step: at });
    if (answer.error) throw new Error(answer.error);
    return createImageBitmap(vae43.blob(answer.sheet, "image/webp"));
  }

  function goTo(number) {
    place = number >= steps.length - 1 ? null : Math.max(0, number);
    drawBoards();
  }

  async function drawBoards() {
    const any = steps.length > 0;
    find(".boards .none").hidden = any;
    find(".boards .grid").hidden = !any;
    find(".scrub").hidden = steps.length < 2;
    if (!any) return;
    const number = place ?? steps.length - 1;
    const first = steps[0];
    const now = place === null && live !== null ? LIVE : steps[number];
    const range = find(".scrub input");
    range.max = steps.length - 1;
    range.value = number;
    range.style.setProperty("--part", `${(100 * number) / Math.max(1, steps.length - 1)}%`);
    range.setAttribute("aria-valuetext", caption(now));
    find(".scrub .newest").disabled = place === null;
    const asked = (drawBoards.asked = (drawBoards.asked ?? 0) + 1);
    [painted, drawing] = [live, true];
    const found = await Promise.all([sheet(first), sheet(now)]).catch(() => null);
    drawing = false;
    if (!found || asked !== drawBoards.asked) return;
    const [start, newest] = found;
    board("original", start, ROWS.original, words.board_original);
    board("drawn-before", start, ROWS.drawn, words.board_drawn, first);
    const step = { [KEPT]: run.kept_step, [LIVE]: run.step }[now] ?? now;
    board("drawn-now", newest, ROWS.drawn, words.board_drawn, step, caption(now));
    board("new-before", start, ROWS.new, words.board_new, first);
    board("new-now", newest, ROWS.new, words.board_new, step, caption(now));
    root.dataset.sheet = now;
  }

  function caption(at) {
    if (at === KEPT) return train.fill(words.at_kept, { step: run.kept_step });
    return train.fill(words.at_step, { step: at === LIVE ? run.step : at });
  }

  function board(name, picture, row, label, step, caption = "") {
    const figure = find(`figure.${name}`);
    const canvas = figure.querySelector("canvas");
    const side = Math.round(canvas.clientWidth * window.devicePixelRatio) || 3 * TILE;
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const c = canvas.getContext("2d");
    c.imageSmoothingQuality = "high";
    c.clearRect(0, 0, side, side);
    const tile = picture.width / NINE;
    const gap = Math.max(1, Math.round(side / 90));
    const size = (side - 2 * gap) / 3;
    for (let i = 0; i < NINE; i++) {
      const [x, y] = [(i % 3) * (size + gap), Math.floor(i / 3) * (size + gap)];
      c.drawImage(picture, i * tile, row * tile, tile, tile, x, y, size, size);
    }
    canvas.setAttribute("aria-label", train.fill(label, { step }));
    if (caption) train.write(figure.querySelector("figcaption"), caption);
  }

  function play() {
    const button = find(".scrub .play");
    button.setAttribute("aria-pressed", "true");
    train.write(button, words.stop_playing);
    let number = place === null ? 0 : place;
    playing = setInterval(() => {
      goTo(number);
      if (++number >= steps.length) stop();
    }, PLAY);
  }

  function stop() {
    clearInterval(playing);
    playing = null;
    const button = find(".scrub .play");
    button.setAttribute("aria-pressed", "false");
    train.write(button, words.play);
  }

  // ------------------------------------------------------------------ the mirror

  async function mirror() {
    if (!run || !find(".mirror").open) return;
    const said = find(".mirror .said");
    const question = run.world ? `${run.id} ${run.step}` : "";
    if (!question) return train.write(said, words.mirror_later);
    if (question === mirrored) return;
    mirrored = question;
    train.write(said, words.mirror_reading);
    const answer = await train.ask("mirror", { id: run.id });
    if (question !== mirrored) return;
    const told = Number.isFinite(answer.score);
    const score = told ? train.fill(words.mirror_score, { score: answer.score.toFixed(2) }) : words.mirror_none;
    const of = told ? train.fill(words.mirror_of, { step: run.kept_step }) : "";
    train.write(said, answer.error ?? [answer.warning || score, of].filter(Boolean).join(" "));
    find(".mirror ul").replaceChildren(...(answer.rows ?? []).map(pair));
  }

  function pair({ sample, nearest, number }) {
    const item = document.createElement("li");
    const text = train.fill(words.mirror_pair, { number: number.toFixed(2) });
    item.setAttribute("aria-label", text);
    for (const data of [sample, nearest]) {
      const picture = Object.assign(document.createElement("img"), { alt: "" });
      picture.src = `data:image/png;base64,${data}`;
      item.append(picture);
    }
    const said = document.createElement("span");
    said.textContent = number.toFixed(2);
    item.append(said);
    return item;
  }

  // The shelf of worlds has changed.
  function shelved() {
    if (run) drawRun();
  }

  return {
    ...{ mount, begin, take, charts, shelved },
    get painted() { return painted; }, // which sheet of tiles is on the boards
  };
})();
