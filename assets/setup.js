// How a run is set up, what it will cost, and the button that starts it.
"use strict";

vae43.setup = (() => {
  const CALM = 600; // ms without a change until three steps are tried
  let root = null;
  let props = null;
  let words = null;
  let tried = ""; // the question the last answer is to
  let timer = null;
  let starting = false;
  let presets = []; // {name, minutes}
  let nearest = { batch: null, version: null, world: "" }; // of the pictures last tried

  const { train } = vae43;
  const find = (selector) => root.querySelector(selector);
  const form = () => find("form.setup");

  function mount(element, properties) {
    [root, props, words] = [element, properties, properties.words];
    form().addEventListener("submit", (event) => {
      event.preventDefault();
      start();
    });
    form().addEventListener("input", () => {
      trouble("");
      draw();
    });
    document.addEventListener("vae43:language", () => {
      tried = "";
      draw();
    });
  }

  // The worlds a run can start from, and how long the presets take; told with the first beat.
  function offer({ worlds, presets: offered }) {
    const select = form().elements.start;
    const before = select.value;
    const known = worlds.map((name) => new Option(name, name, false, name === before));
    select.replaceChildren(new Option(words.nearest, "", false, !before), ...known);
    presets = offered;
    draw();
  }

  function asked() {
    const { elements } = form();
    const changes = {};
    for (const name of ["minutes", "batch_size", "lr", "seed"]) {
      if (elements[name].value !== "") changes[name] = Number(elements[name].value);
    }
    if (elements.augment.value) changes.augment = elements.augment.value;
    const preset = elements.preset.value;
    return { batch: vae43.gather.batch, preset, start: elements.start.value || null, changes };
  }

  // Where a run starts, in words: the server finds the nearest world when a run is tried out.
  function startOf(chosen) {
    if (chosen) return train.fill(words.from_world, { world: chosen });
    return named("from_nearest");
  }

  function named(phrase) {
    const { batch, version } = vae43.gather;
    const found = nearest.batch === batch && nearest.version === version && nearest.world;
    return found ? train.fill(words[`${phrase}_named`], { world: found }) : words[phrase];
  }

  function draw() {
    if (!root || !props) return;
    const { elements } = form();
    const unchosen = elements.start.options[0];
    if (unchosen) train.write(unchosen, named("nearest"));
    for (const note of root.querySelectorAll("[data-preset]")) {
      const name = note.dataset.preset;
      const minutes = presets.find((preset) => preset.name === name)?.minutes;
      const length = minutes ? train.fill(words.about, { time: train.timeOf(60 * minutes) }) : "";
      const start = startOf(elements.start.value);
      const text = train.fill(words[`${name}_note`], { start, minutes: length });
      train.write(note, text);
    }
    elements.start.disabled = elements.preset.value === "scratch";
    const enough = vae43.gather.kept >= props.least && !vae43.gather.busy;
    form().querySelector(".go").disabled = starting || !enough;
    const waits = train.runs.some(({ state }) => train.working(state));
    const go = waits ? words.queue_up : words.train;
    train.write(form().querySelector(".go"), starting ? words.starting : go);
    const inWork = train.runs.some(({ state }) => state !== "queued" && train.working(state));
    estimate(enough && !inWork);
    if (enough && inWork) train.write(find(".cost"), words.cost_later);
  }

  // Three real steps are tried once the hand rests, and once for the same question.
  function estimate(wanted) {
    const question = wanted ? JSON.stringify([asked(), vae43.gather.version]) : "";
    if (question === tried) return;
    tried = question;
    clearTimeout(timer);
    train.write(find(".cost"), "");
    if (wanted) timer = setTimeout(tryOut, CALM, question);
  }

  async function tryOut(question) {
    if (!train.seen()) {
      tried = "";
      return;
    }
    train.write(find(".cost"), `${words.trying}…`);
    const { batch, version } = vae43.gather;
    const answer = await train.ask("cost", asked());
    if (question !== tried) return;
    if (answer.start && !form().elements.start.value) {
      nearest = { batch, version, world: answer.start };
      draw();
    }
    train.write(find(".cost"), answer.error ? answer.error : costOf(answer));
  }

  function costOf({ seconds, device, memory_bytes, images_per_second, notes = [] }) {
    const time = train.fill(words.about, { time: train.timeOf(seconds) });
    const rate = Number(images_per_second.toPrecision(2));
    const on = words[`device_${device}`] ?? device;
    const memory = train.bytesOf(memory_bytes);
    return [train.fill(words.costs, { time, device: on, memory, rate }), ...notes].join(" ");
  }

  function trouble(text) {
    train.write(form().querySelector(".trouble"), text);
  }

  async function start() {
    const { elements } = form();
    if (!elements.name.value.trim()) {
      trouble(words.name_needed);
      return elements.name.focus();
    }
    if (!elements.consent.checked) {
      trouble(words.consent_needed);
      return elements.consent.focus();
    }
    starting = true;
    clearTimeout(timer);
    draw();
    const question = { ...asked(), name: elements.name.value, consent: elements.consent.checked };
    const answer = await train.ask("train", question);
    starting = false;
    draw();
    if (answer.error) return trouble(answer.error);
    elements.consent.checked = false; // asked for anew with other pictures
    train.choose(answer.id);
    find("nav.runs [aria-current]")?.focus();
  }

  return { mount, draw, offer };
})();
