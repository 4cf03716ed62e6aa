// The Train tab: which of its views is shown, and the pulse that keeps all of them up to date.
//
// The page asks about four times a second for what is new (`watch`), and only while it is looked
// at and something is in work. It holds nothing that the server does not know too, but for the
// number of the batch that lies on the table: closing the page costs nothing.
"use strict";

vae43.train = (() => {
  const BEAT = 250; // ms between two questions while something is in work
  const REST = 3000; // ms while nothing is
  const KEPT = "43.VAE/train";
  const TAB = "43.VAE/tab"; // of this window, for as long as it is open
  const WORKING = new Set(["queued", "preparing", "training", "stopping", "finishing"]);
  let root = null;
  let server = null;
  let props = null;
  let runs = [];
  let chosen = null; // id of the run that is watched
  let since = 0;
  let asking = false;
  let timer = null;
  let beats = 0;

  const find = (selector) => root.querySelector(selector);
  const all = (selector) => [...root.querySelectorAll(selector)];

  // ------------------------------------------------------------------ mounting

  function mount(element, given, properties) {
    [root, server, props] = [element.querySelector(".train"), given, properties];
    for (const panel of ["gather", "setup", "watch", "own"]) vae43[panel].mount(root, props);
    find("nav.runs").addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button) choose(button.dataset.run || null);
    });
    new IntersectionObserver(() => beat(0)).observe(root);
    document.addEventListener("visibilitychange", () => beat(0));
    document.addEventListener("vae43:language", () => {
      listRuns();
      beat(0);
    });
    const { run } = kept();
    if (run) choose(run, false);
    beat(0);
  }

  // A page that is loaded again shows the tab that was looked at.
  function stay() {
    const tabs = document.querySelectorAll("#tabs > .tab-wrapper button[role=tab]");
    try {
      if (sessionStorage.getItem(TAB) === "1") tabs[1]?.click();
      tabs.forEach((tab, place) =>
        tab.addEventListener("click", () => sessionStorage.setItem(TAB, place)),
      );
    } catch {
      // without storage it opens as always
    }
  }

  function kept() {
    try {
      return JSON.parse(localStorage.getItem(KEPT)) ?? {};
    } catch {
      return {};
    }
  }

  function keep(what) {
    try {
      localStorage.setItem(KEPT, JSON.stringify({ ...kept(), ...what }));
    } catch {
      // without storage the page forgets the table when it is closed, and nothing else
    }
  }

  // ------------------------------------------------------------------ asking

  // The answer, or {error}: a request that gets no answer at all is the same kind of value.
  async function ask(name, data) {
    const nothing = { error: props.words.failed };
    return (await Promise.resolve(server[name](data)).catch(() => nothing)) ?? nothing;
  }

  const seen = () => !document.hidden && root.offsetParent !== null;

  function beat(ms) {
    clearTimeout(timer);
    timer = setTimeout(pulse, ms);
  }

  async function pulse() {
    if (asking || !seen()) return;
    asking = true;
    const began = performance.now();
    const about = chosen;
    const answer = await ask("watch", about ? { id: about, since } : {});
    asking = false;
    const busy = !answer.error && answer.runs.some(({ state }) => WORKING.has(state));
    if (!answer.error && about === chosen) take(answer);
    const rest = busy || about !== chosen ? BEAT : REST;
    beat(Math.max(rest - (performance.now() - began), 20));
  }

  function take(answer) {
    beats++;
    runs = answer.runs;
    const run = runs.find(({ id }) => id === chosen);
    if (chosen && !run) return choose(null);
    listRuns();
    if (run) {
      since = answer.next ?? since;
      vae43.watch.take(run, answer.records ?? [], answer.steps ?? [], answer.kept === true, answer.live);
    }
    vae43.own.take(runs);
    root.dispatchEvent(new CustomEvent("vae43:beat", { bubbles: true, detail: answer }));
  }

  // ------------------------------------------------------------------ views

  // Watch a run, or lay out pictures for a new one (null).
  function choose(id, remember = true) {
    const news = id !== chosen;
    chosen = id;
    since = 0;
    if (remember) keep({ run: id });
    root.dataset.view = id ? "watch" : "gather";
    find(".halves.gather").hidden = Boolean(id);
    find(".halves.watch").hidden = !id;
    if (news) vae43.watch.begin(id);
    listRuns();
    beat(0);
  }

  function listRuns() {
    const nav = find("nav.runs");
    const rows = [{ id: "", name: props.words.new }, ...runs];
    nav.hidden = !runs.length;
    const list = nav.querySelector("ul");
    while (list.children.length > rows.length) list.lastChild.remove();
    while (list.children.length < rows.length) {
      const item = document.createElement("li");
      item.innerHTML = '<button type="button"><i></i><b></b><span></span></button>';
      list.append(item);
    }
    rows.forEach((run, i) => {
      const button = list.children[i].firstChild;
      const current = (chosen ?? "") === run.id;
      button.dataset.run = run.id;
      button.dataset.state = run.state ?? "new";
      button.style.setProperty("--part", run.progress ?? 0);
      if (current) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      write(button.children[1], run.name);
      write(button.children[2], run.state ? stateOf(run) : "");
    });
  }

  // ------------------------------------------------------------------ words

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);

  // Set a text only where it is another: nothing is laid out or read out anew for the same words.
  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function stateOf({ state, place, progress }) {
    const { words } = props;
    const percent = Math.floor(100 * progress);
    if (state === "training" && percent) return fill(words.state_percent, { percent });
    return fill(words[`state_${state}`] ?? state, { place });
  }

  function timeOf(seconds) {
    const { words } = props;
    if (seconds < 90) return fill(words.seconds, { n: Math.max(1, Math.round(seconds)) });
    if (seconds < 5400) return fill(words.minutes_of, { n: Math.round(seconds / 60) });
    return fill(words.hours_of, { n: Number((seconds / 3600).toFixed(1)) });
  }

  function bytesOf(bytes) {
    const large = bytes >= 1e9;
    const n = large ? (bytes / 1e9).toFixed(1) : Math.round(bytes / 1e6);
    return fill(large ? props.words.gigabytes : props.words.megabytes, { n });
  }

  // Ask before something is lost. Returns a promise of whether it was meant.
  function sure(text, yes) {
    const dialog = find("dialog.sure");
    write(dialog.querySelector("p"), text);
    write(dialog.querySelector(".yes"), yes);
    dialog.returnValue = "";
    dialog.showModal();
    dialog.querySelector(".no").focus();
    return new Promise((resolve) => {
      const done = (event) => {
        if (event.type === "click" && !event.target.matches("button")) return;
        dialog.removeEventListener("click", done);
        dialog.removeEventListener("close", done);
        if (dialog.open) dialog.close();
        resolve(event.type === "click" && event.target.matches(".yes"));
      };
      dialog.addEventListener("click", done);
      dialog.addEventListener("close", done);
    });
  }

  // Hand a file to the artist.
  function hand(data, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(data);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  // Send a file in pieces; told(done, total) on the way. Returns the last answer.
  async function send(errand, file, fields, told = () => {}) {
    const part = token();
    let answer = { error: props.words.empty };
    for (let offset = 0; offset < file.size; offset += props.piece_bytes) {
      const piece = file.slice(offset, offset + props.piece_bytes);
      const data = { ...fields, part, name: file.name, offset, size: file.size, file: piece };
      answer = await ask(errand, { binary: true, data });
      if (answer.error) return answer;
      told(Math.min(offset + props.piece_bytes, file.size), file.size);
    }
    return answer;
  }

  function token() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  document.addEventListener("vae43:mounted", stay); // the tab itself is made when it is opened

  return {
    ...{ mount, ask, choose, beat, kept, keep, fill, write, timeOf, bytesOf, stateOf, sure, hand },
    working: (state) => WORKING.has(state),
    ...{ send, token, seen, all },
    get runs() { return runs; },
    get chosen() { return chosen; },
    get beats() { return beats; },
  };
})();
