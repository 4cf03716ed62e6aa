// The drawings a world was trained on, where it was trained here: a strip to start from.
//
// The server has them, of its own runs; one that is chosen comes back as the file it is, and is
// taken like any picture of one's own, with its detail.
"use strict";

vae43.drawings = (() => {
  const { store } = vae43;
  let strip = null;
  let rows = []; // {name, webp} of the world that the page is in, as far as they are known
  let total = 0;
  let turn = 0; // of the world: an answer for one that was left is dropped
  let last = 0; // that was varied
  let ready = Promise.resolve();

  // Below "Start from a picture", and shown in worlds that have drawings here.
  function mounted() {
    const again = document.getElementById("again");
    if (!again) return setTimeout(mounted, 50); // Gradio's row is not there yet
    strip = Object.assign(document.createElement("section"), { id: "drawings", hidden: true });
    strip.innerHTML =
      '<header><h2></h2><p></p></header>' +
      '<ol class="strip"><li><button type="button" class="more"></button></li></ol>';
    (document.getElementById("detail") ?? again).after(strip);
    strip.addEventListener("click", ({ target }) => {
      if (target.closest(".more")) return more();
      const tile = target.closest(".go");
      return tile && start(tiles().indexOf(tile));
    });
    store.listen(mark);
    document.addEventListener("vae43:language", say);
    vae43.worlds.follow((_, anew) => anew && load());
    return say();
  }

  const here = () => vae43.worlds.here.name; // a new world's state comes a moment after it
  const tiles = () => [...strip.querySelectorAll(".go")];

  function say() {
    const { words } = vae43;
    strip.querySelector("h2").textContent = words.drawings;
    strip.querySelector("header p").textContent = words.drawings_note;
    strip.querySelector(".more").textContent = words.drawings_more;
    strip.setAttribute("aria-label", words.drawings);
  }

  function load() {
    turn++;
    [rows, total] = [[], 0];
    show();
    ready = more();
    return ready;
  }

  // The next of them. Where the server tells of none there is no strip.
  async function more() {
    const { drawings } = vae43.server ?? {};
    if (!drawings) return;
    const mine = turn;
    const answer = await vae43.asked(() => drawings({ world: here(), after: rows.length }));
    if (mine !== turn || answer.error) return;
    rows = [...rows, ...answer.drawings];
    total = answer.total;
    show();
  }

  function show() {
    strip.hidden = !rows.length;
    strip.querySelector(".more").hidden = rows.length >= total;
    if (!rows.length) tiles().forEach((old) => old.parentElement.remove());
    const last = strip.querySelector(".more").parentElement;
    last.before(...rows.slice(tiles().length).map(tile));
    mark();
  }

  function tile({ name, webp }) {
    const button = Object.assign(document.createElement("button"), { type: "button", title: name });
    button.className = "go";
    button.setAttribute("aria-label", vae43.words.from_picture.replace("{name}", name));
    const picture = Object.assign(document.createElement("img"), { alt: "", draggable: false });
    picture.src = `data:image/webp;base64,${webp}`;
    button.append(picture);
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  function mark() {
    const { z, name } = store.state;
    tiles().forEach((button, i) =>
      button.toggleAttribute("aria-current", Boolean(z) && rows[i].name === name));
  }

  // Start from a drawing, or, with a seed, from a variation of it.
  async function start(row, vary = null) {
    const mine = turn;
    const answer = await vae43.asked(() => vae43.server.drawing({ world: here(), row }));
    if (mine !== turn) return;
    if (answer.error) {
      load(); // they may be gone, all of them
      return vae43.note(answer.error);
    }
    const file = new File([vae43.blob(answer.file, "image/png")], answer.name, { type: "image/png" });
    await vae43.startFrom(file, vary);
  }

  // Begin with the first of them, unless the artist has gone elsewhere meanwhile.
  async function begin() {
    const { state } = store;
    await ready;
    if (rows.length && store.state === state) await start(0);
  }

  // Vary one of them, another than the last. False where there are none, and where pictures are to
  // be the world's own from first to last ("Keep its own detail" is off).
  function surprise() {
    if (!total || vae43.memory.read("detail").on === false) return false;
    const others = Array.from({ length: total }, (_, row) => row).filter((row) => row !== last);
    last = others[Math.floor(Math.random() * others.length)] ?? last;
    start(last, Math.floor(Math.random() * 1e6));
    return true;
  }

  document.addEventListener("vae43:mounted", mounted);

  return { begin, surprise };
})();
