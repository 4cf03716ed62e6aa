// Pictures in: from the hand to the table. Files go to the server one after another, in pieces;
// then all of them are looked at, and each lies there with its verdict.
"use strict";

vae43.gather = (() => {
  const GLANCE = 250; // ms
  const THUMBS = 24; // small pictures asked for at once
  let root = null;
  let props = null;
  let words = null;
  let batch = null;
  let rows = [];
  let version = null;
  let refused = []; // {name, reason} of files that were not even sent
  let queue = []; // files on their way
  let sent = 0;
  let sending = false;
  let looking = false;
  let shown = 0; // number of the row in the preview
  let asked = 0;
  const thumbs = new Map(); // number of a row → its small picture, as CSS has it

  const { train } = vae43;
  const find = (selector) => root.querySelector(selector);

  // ------------------------------------------------------------------ mounting

  function mount(element, properties) {
    [root, props, words] = [element, properties, properties.words];
    // Who sits at this machine is no visitor, and has no such bounds.
    const here = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
    document.documentElement.toggleAttribute("data-here", here);
    for (const kind of ["files", "folder"]) {
      const input = find(`input.${kind}`);
      for (const button of root.querySelectorAll(`.pick-${kind}`)) {
        button.addEventListener("click", () => input.click());
      }
      input.addEventListener("change", () => {
        take([...input.files]);
        input.value = "";
      });
    }
    find(".start-over").addEventListener("click", startOver);
    find(".contact").addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button) leave(Number(button.dataset.row), true);
    });
    find(".out ul").addEventListener("click", ({ target }) => {
      if (target.matches("button")) leave(Number(target.dataset.row), false);
    });
    for (const input of root.querySelectorAll(".prepare input")) {
      input.addEventListener("change", () => batch && rows.length && look());
    }
    drops();
    document.addEventListener("vae43:language", async () => {
      version = null; // the reasons come in another language
      if (batch && rows.length) await glance();
      draw();
    });
    batch = train.kept().batch ?? null;
    if (batch) comeBack();
    draw();
  }

  // What lay on the table is still there, unless it was swept away; a look that a restart of the
  // server cut short begins again.
  async function comeBack() {
    const answer = await train.ask("glance", { batch });
    if (answer.error || answer.running || answer.rows) return glance();
    if (answer.files) return look();
    batch = null;
    return train.keep({ batch });
  }

  // Whatever is dropped or pasted while this tab is open comes here, and not on the other's picture.
  function drops() {
    const here = () => train.seen() && root.dataset.view === "gather";
    for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
      document.addEventListener(kind, async (event) => {
        if (!train.seen() || ![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        if (!here()) return;
        find(".table").classList.toggle("dropping", kind === "dragenter" || kind === "dragover");
        if (kind === "drop") take(await within(event.dataTransfer));
      }, true);
    }
    document.addEventListener("paste", (event) => {
      const pasted = [...(event.clipboardData?.files ?? [])];
      if (!train.seen() || !pasted.length) return;
      event.stopImmediatePropagation();
      if (here()) take(pasted);
    }, true);
  }

  // All files of what was dropped, those in folders too.
  async function within({ items, files }) {
    const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.length) return [...files];
    return (await Promise.all(entries.map(unfold))).flat();
  }

  async function unfold(entry) {
    if (entry.isFile) return new Promise((resolve) => entry.file((f) => resolve([f]), () => resolve([])));
    const reader = entry.createReader();
    const found = [];
    for (;;) {
      const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
      if (!some.length) break;
      found.push(...some);
    }
    return (await Promise.all(found.map(unfold))).flat();
  }

  // ------------------------------------------------------------------ sending

  function take(files) {
    const real = files.filter(({ name }) => !name.startsWith(".") && name !== "Thumbs.db");
    const fresh = [];
    for (const file of real) {
      const reason = unfit(file);
      if (reason) refused.push({ name: file.name, reason });
      else fresh.push(file);
    }
    queue.push(...fresh);
    if (queue.length) send();
    else draw();
  }

  function unfit({ name, size }) {
    const suffix = name.slice(name.lastIndexOf(".")).toLowerCase();
    if (!props.suffixes.includes(suffix)) return words.foreign;
    const limit = suffix === ".zip" ? props.caps.zip : props.caps.file;
    if (size > limit) return train.fill(words.large, { limit: Math.round(limit / 2 ** 20) });
    return size ? "" : words.empty;
  }

  async function send() {
    if (sending) return;
    sending = true;
    sent = 0;
    batch ??= train.token();
    train.keep({ batch });
    while (queue.length) {
      const file = queue[0];
      progress(words.sending, sent, sent + queue.length);
      const answer = await train.send("put", file, { batch }, (done, total) =>
        progress(words.sending, sent + done / total, sent + queue.length),
      );
      if (answer.error) refused.push({ name: file.name, reason: answer.error });
      queue.shift();
      sent++;
    }
    sending = false;
    progress("");
    await look();
  }

  // ------------------------------------------------------------------ looking

  function prepared() {
    const crop = find(".prepare input[name=crop]:checked").value;
    return { crop, paper: find(".prepare .paper input").checked };
  }

  async function look() {
    if (looking) {
      looking = "again"; // files came, or the hand changed its mind, in the meantime
      return;
    }
    looking = true;
    const answer = await train.ask("screen", { batch, ...prepared() });
    if (answer.error) {
      looking = false;
      draw(answer.error);
      return;
    }
    await glance();
  }

  // Ask until the look is over.
  async function glance() {
    for (;;) {
      const answer = await train.ask("glance", { batch, version });
      if (answer.error) return settle(answer.error);
      if (!answer.running) {
        if (answer.rows && looking) thumbs.clear();
        takeRows(answer);
        return settle(answer.error);
      }
      looking ||= true;
      progress(words.looking, answer.done, answer.total);
      await new Promise((resolve) => setTimeout(resolve, GLANCE));
    }
  }

  function settle(error = "") {
    const again = looking === "again";
    looking = false;
    progress("");
    draw(error);
    if (again) look();
  }

  function takeRows(answer) {
    if (!answer.rows) return;
    rows = answer.rows;
    version = answer.version;
    find(`.prepare input[value=${answer.crop}]`).checked = true;
    find(".prepare .paper input").checked = answer.paper;
    train.write(find(".content"), answer.content);
    find(".contact").replaceChildren();
    find(".out ul").replaceChildren();
    preview();
  }

  async function leave(row, out) {
    const answer = await train.ask("leave", { batch, row, out });
    if (!answer.error) takeRows(answer);
    draw(answer.error);
    const next = [...root.querySelectorAll(".contact button")].find((b) => b.dataset.row >= row);
    (next ?? find(".out summary")).focus();
  }

  async function startOver() {
    if (!(await train.sure(words.start_over_sure, words.start_over))) return;
    if (batch) await train.ask("forget", { batch });
    [batch, rows, version, refused, queue] = [null, [], null, [], []];
    thumbs.clear();
    train.keep({ batch });
    find(".contact").replaceChildren();
    find(".out ul").replaceChildren();
    draw();
    find(".empty .pick-files").focus();
  }

  // ------------------------------------------------------------------ drawing

  function progress(text, done = 0, total = 1) {
    const bar = find(".busy");
    bar.hidden = !text;
    bar.firstElementChild.value = total ? done / total : 0;
    if (text) train.write(find(".count"), train.fill(text, { done: Math.floor(done), total }));
    root.dataset.busy = text ? "yes" : "";
    vae43.setup.draw();
  }

  const kept = () => rows.filter((row) => row.kept).length;

  function draw(error = "") {
    const any = rows.length + refused.length > 0;
    find(".table").classList.toggle("laid", rows.length > 0);
    find(".empty").hidden = rows.length > 0;
    find(".more").hidden = !any;
    find(".content").hidden = !rows.length;
    drawContact();
    drawOut();
    if (!sending && !looking) train.write(find(".count"), error || counted());
    vae43.setup.draw();
  }

  function counted() {
    const [count, total] = [kept(), rows.length + refused.length];
    if (!total) return "";
    const said = train.fill(count === total ? words.kept_all : words.kept, { kept: count, total });
    const missing = props.least - count;
    const few = train.fill(words.few, { least: props.least, missing });
    return missing > 0 ? `${said} ${few}` : said;
  }

  function drawContact() {
    const list = find(".contact");
    if (list.children.length) return;
    rows.forEach((row, number) => {
      if (!row.kept) return;
      const label = train.fill(words.leave_out, { name: row.name });
      const item = document.createElement("li");
      const button = Object.assign(document.createElement("button"), { type: "button", title: label });
      button.dataset.row = number;
      button.setAttribute("aria-label", label);
      item.append(button);
      list.append(item);
      show(button);
    });
  }

  function drawOut() {
    const gone = rows.map((row, number) => ({ ...row, number })).filter((row) => !row.kept);
    const count = gone.length + refused.length;
    const out = find(".out");
    out.hidden = !count;
    const summary = count === 1 ? words.out_one : train.fill(words.out, { count });
    train.write(out.querySelector("summary"), summary);
    const list = out.querySelector("ul");
    list.replaceChildren(
      ...gone.map((row) => outRow(row.name, reasonOf(row), row)),
      ...refused.map(({ name, reason }) => outRow(name, reason, null)),
    );
  }

  function reasonOf({ reasons }) {
    return reasons.join(" ");
  }

  function outRow(name, reason, row) {
    const item = document.createElement("li");
    const thumb = document.createElement("span");
    thumb.className = "thumb";
    const text = document.createElement("p");
    const title = document.createElement("b");
    title.textContent = name;
    text.append(title, document.createTextNode(reason));
    item.append(thumb, text);
    if (row?.thumb) {
      thumb.dataset.row = row.number;
      show(thumb);
    }
    if (row?.left) {
      const back = Object.assign(document.createElement("button"), { type: "button" });
      back.dataset.row = row.number;
      back.textContent = words.take_back;
      item.append(back);
    }
    return item;
  }

  // Small pictures are fetched as they come into view, once.
  function show(one) {
    const known = thumbs.get(Number(one.dataset.row));
    if (known === undefined) return watcher.observe(one);
    if (known) one.style.backgroundImage = known;
    return one.classList.add("ready");
  }

  let wanted = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      wanted.add(target);
    }
    fetchThumbs();
  });

  async function fetchThumbs() {
    while (wanted.size) {
      const some = [...wanted].slice(0, THUMBS);
      for (const one of some) wanted.delete(one);
      const numbers = some.map((one) => Number(one.dataset.row));
      const answer = await train.ask("thumbs", { batch, rows: numbers });
      for (const number of numbers) {
        const data = answer.thumbs?.[number];
        thumbs.set(number, data ? `url("data:image/webp;base64,${data}"), var(--check)` : "");
      }
      some.forEach(show);
    }
  }

  // One of the pictures as it was sent, and as it will be learned from.
  async function preview() {
    const box = find(".prepare .preview");
    const settings = prepared();
    const number = rows.findIndex((row, i) => row.kept && i >= shown);
    const plain = settings.crop === "none" && !settings.paper;
    const question = ++asked;
    if (plain || number < 0) {
      box.hidden = true;
      return;
    }
    const answer = await train.ask("paper", { batch, row: number, ...settings });
    if (question !== asked) return;
    box.hidden = Boolean(answer.error);
    if (answer.error) return;
    for (const which of ["before", "after"]) {
      box.querySelector(`.${which}`).src = `data:image/png;base64,${answer[which]}`;
    }
  }

  return {
    mount,
    take,
    get batch() { return batch; },
    get kept() { return kept(); },
    get busy() { return sending || Boolean(looking); },
    get version() { return version; },
  };
})();
