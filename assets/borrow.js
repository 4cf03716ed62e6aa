// Borrow a look: the panel is drawn from the state's field `borrow`,
//
//   { look,                            which reference: a hash of its file
//     u, alpha, exact: {mean, cov, on} what was measured of it
//     key                              what the encoder reads of it, or null
//     texture, palette, transparency,  the dials, 0 to 1
//     locks }                          attributes that stay
//
// and holds nothing of its own but two caches: the names and small pictures of references (in the
// browser's storage, by hash), and what the server last measured.
"use strict";

vae43.borrow = (() => {
  const KEPT = "vae43.looks"; // hash → {name, thumb}; the newest last
  const MANY = 12;
  const THUMB = 96; // px
  const END = 3; // s.d. at either end of the chart
  const TOLD = 0.6; // s.d. of difference that is worth a word
  const LACKS = 0.8; // s.d. that the nearest place stays away from the reference
  const MOST = 4; // words in a sentence
  const DIALS = ["texture", "palette", "transparency"];
  let root = null;
  let props = null;
  let measured = null; // {scores, reference, missed} of the picture at rest
  let asking = 0;

  const find = (selector) => root.querySelector(selector);
  const borrowed = () => vae43.store.state.borrow ?? null;

  // ------------------------------------------------------------------ mounting

  function mount(element, given) {
    root = element;
    props = given;
    const file = find(".file");
    for (const button of [find(".pick"), find(".other")]) {
      button.addEventListener("click", () => file.click());
    }
    file.addEventListener("change", () => {
      if (file.files.length) take(file.files[0]);
      file.value = "";
    });
    find(".remove").addEventListener("click", remove);
    find(".exact input").addEventListener("change", (event) => {
      const { exact } = borrowed();
      change("exact", { exact: { ...exact, on: event.target.checked } });
    });
    for (const dial of DIALS) {
      range(dial).addEventListener("input", (event) => {
        change(dial, { [dial]: Number(event.target.value) / 100 });
      });
    }
    for (const row of root.querySelectorAll("li[data-attribute]")) {
      row.querySelector(".lock").addEventListener("click", () => lock(row.dataset.attribute));
    }
    drops();
    vae43.store.listen((_state, _kind, before) => {
      if (borrowed() !== (before.borrow ?? null)) draw();
    });
    document.addEventListener("vae43:frame", (event) => {
      if (event.detail.state.still) describe();
    });
    find("details").addEventListener("toggle", describe);
    document.addEventListener("vae43:language", () => {
      trouble("");
      draw();
    });
    vae43.worlds.follow((_, anew) => {
      if (anew) measured = null; // every world has a scale of its own
    });
    draw();
  }

  // A picture dropped here is a reference; anywhere else it is a start.
  function drops() {
    for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
      root.addEventListener(kind, (event) => {
        if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
        event.preventDefault();
        event.stopPropagation();
        document.querySelector("#stage .mat")?.classList.remove("dropping");
        root.classList.toggle("dropping", kind === "dragenter" || kind === "dragover");
        if (kind === "drop" && event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
      });
    }
  }

  // ------------------------------------------------------------------ what is done

  const range = (dial) => find(`[data-dial=${dial}] input`);

  function change(what, patch) {
    vae43.store.change(`borrow:${what}`, { borrow: { ...borrowed(), ...patch } });
  }

  function lock(name) {
    const { locks } = borrowed();
    const others = locks.filter((locked) => locked !== name);
    change(`lock:${name}`, { locks: others.length < locks.length ? others : [...locks, name] });
  }

  function remove() {
    vae43.store.change("borrow:remove", { borrow: null });
    find(".pick").focus();
  }

  async function take(file) {
    trouble("");
    if (file.size > props.max_upload_bytes) return trouble(props.words.large);
    vae43.say(props.words.reading, "busy", 10);
    const answer = await vae43.asked(() =>
      vae43.server.look({ binary: true, data: { file } }),
    );
    vae43.say("");
    if (answer.error) return trouble(answer.error);
    keep(answer.id, { name: file.name, thumb: await thumbnail(file) });
    const { id: look, u, alpha, key, rough } = answer;
    const all = { texture: 1, palette: 1, transparency: alpha ? 1 : 0 };
    const now = borrowed();
    const dials = now ? Object.fromEntries(DIALS.map((dial) => [dial, now[dial]])) : all;
    if (!alpha) dials.transparency = 0;
    const exact = { ...answer.exact, on: now?.exact?.on ?? false };
    const borrow = { look, u, alpha, key, rough, exact, ...dials, locks: now?.locks ?? [] };
    vae43.store.change("borrow:take", { borrow });
  }

  function trouble(text) {
    find(".trouble").textContent = text;
  }

  // ------------------------------------------------------------------ references remembered

  function kept() {
    try {
      return JSON.parse(localStorage.getItem(KEPT)) ?? {};
    } catch {
      return {};
    }
  }

  function keep(look, what) {
    const { [look]: _, ...others } = kept();
    const rows = [...Object.entries(others), [look, what]].slice(-MANY);
    try {
      localStorage.setItem(KEPT, JSON.stringify(Object.fromEntries(rows)));
    } catch {
      // a full or forbidden storage: the reference is shown by its colour
    }
  }

  async function thumbnail(file) {
    try {
      const picture = await createImageBitmap(file);
      const canvas = document.createElement("canvas");
      const scale = THUMB / Math.max(picture.width, picture.height);
      canvas.width = Math.max(1, Math.round(picture.width * scale));
      canvas.height = Math.max(1, Math.round(picture.height * scale));
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      picture.close();
      return canvas.toDataURL("image/webp", 0.8);
    } catch {
      return null;
    }
  }

  // ------------------------------------------------------------------ drawing

  function draw() {
    const borrow = borrowed();
    root.classList.toggle("has-look", Boolean(borrow));
    find(".lent").hidden = !borrow;
    find(".pick").hidden = Boolean(borrow);
    if (!borrow) return;
    const { name, thumb } = kept()[borrow.look] ?? {};
    find(".name").textContent = name ?? props.words.unnamed;
    const [lightness, a, b] = borrow.exact?.mean ?? [50, 0, 0];
    find(".thumb").style.background = thumb
      ? `center / cover no-repeat url("${thumb}")`
      : `lab(${lightness} ${a} ${b})`;
    for (const dial of DIALS) {
      const part = Math.round(100 * (borrow[dial] ?? 0));
      const input = range(dial);
      if (Number(input.value) !== part) input.value = part;
      input.style.setProperty("--part", `${part}%`);
      input.parentElement.querySelector("output").textContent = `${part} %`;
    }
    range("transparency").disabled = !borrow.alpha;
    find(".why").hidden = borrow.alpha;
    find(".exact input").checked = Boolean(borrow.exact?.on);
    chart();
  }

  // Where the picture stands is asked for once the hand rests, and only where it is shown.
  async function describe() {
    if (!borrowed() || !vae43.server?.describe) return;
    const asked = ++asking;
    const answer = await vae43.asked(() => vae43.server.describe(vae43.snapshot()));
    if (asked !== asking || answer.error) return;
    measured = { ...answer, look: borrowed()?.look };
    chart();
  }

  function chart() {
    const borrow = borrowed();
    if (!borrow) return;
    const known = measured?.reference && measured.look === borrow.look ? measured : null;
    const place = (score) => `${(50 * Math.min(Math.max(score, -END), END)) / END + 50}%`;
    Object.keys(props.names).forEach((name, i) => {
      const row = find(`li[data-attribute=${name}]`);
      row.querySelector(".lock").setAttribute("aria-pressed", borrow.locks.includes(name));
      row.classList.toggle("locked", borrow.locks.includes(name));
      row.classList.toggle("unknown", !known);
      row.classList.toggle("unlent", !borrow.alpha && props.groups.transparency.includes(name));
      if (!known) return;
      const [own, lends] = [known.scores[i], known.reference[i]];
      row.style.setProperty("--own", place(own));
      row.style.setProperty("--lends", place(lends));
      row.querySelector(".axis").setAttribute("aria-label", fill(props.words.place, {
        name: props.names[name],
        own: own.toFixed(1),
        reference: lends.toFixed(1),
      }));
    });
    find(".differs").textContent = known ? differences(known, borrow) : "";
    find(".reach").textContent = known ? reach(known, borrow) : "";
  }

  // ------------------------------------------------------------------ words

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);

  function listed(words) {
    if (words.length < 2) return words.join("");
    return fill(props.words.and, { first: words.slice(0, -1).join(props.words.comma), last: words.at(-1) });
  }

  // The attributes that some measure of singles out, the largest first.
  function largest(values, least, counts) {
    return Object.keys(props.names)
      .map((name, i) => [name, values[i]])
      .filter(([name, value]) => Math.abs(value) > least && counts(name))
      .sort((one, two) => Math.abs(two[1]) - Math.abs(one[1]))
      .slice(0, MOST);
  }

  function differences({ scores, reference }, borrow) {
    const lent = (name) => borrow.alpha || !props.groups.transparency.includes(name);
    const gaps = reference.map((score, i) => score - scores[i]);
    const words = largest(gaps, TOLD, lent).map(
      ([name, gap]) => props.more_and_less[name][gap > 0 ? 1 : 0],
    );
    return words.length ? fill(props.words.differs, { list: listed(words) }) : props.words.alike;
  }

  function reach({ missed, withheld = [] }, borrow) {
    const wanted = (name) =>
      DIALS.some((dial) => borrow[dial] > 0 && props.groups[dial].includes(name));
    const words = largest(missed, LACKS, wanted).map(
      ([name, miss]) => props.more_and_less[name][miss < 0 ? 3 : 2],
    );
    const lacks = words.length && fill(props.words.missing, { list: listed([...new Set(words)]) });
    const part = largest(withheld, LACKS / 2, wanted).length && props.words.withheld;
    return [lacks, part].filter(Boolean).join(" ");
  }

  return { mount, take };
})();
