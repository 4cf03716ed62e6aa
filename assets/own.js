// The worlds an artist made: opened, saved as a ZIP, loaded from one, deleted after a question.
"use strict";

vae43.own = (() => {
  let root = null;
  let words = null;
  let there = new Set(); // names of worlds
  let finished = ""; // the runs whose worlds are in the list

  const { train } = vae43;
  const find = (selector) => root.querySelector(`.own ${selector}`);

  function mount(element, properties) {
    [root, words] = [element, properties.words];
    const input = find("input.zip");
    find(".load").addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      if (input.files.length) load(input.files[0]);
      input.value = "";
    });
    find("ul").addEventListener("click", ({ target }) => {
      const { does, world } = target.dataset;
      if (does) ({ open, download, remove })[does](world);
    });
    document.addEventListener("vae43:language", list);
    list();
  }

  // The list is asked for anew once another run has a world.
  function take(runs) {
    const known = runs.map(({ id, state, world }) => (world ? `${id} ${state}` : "")).join();
    if (known === finished) return;
    finished = known;
    list();
  }

  async function list() {
    const answer = await train.ask("shelf", {});
    if (answer.error) return say(answer.error);
    vae43.setup.offer(answer);
    there = new Set(answer.own);
    vae43.watch.shelved();
    find(".none").hidden = answer.own.length > 0;
    find("ul").replaceChildren(...answer.own.map(row));
  }

  function row(name) {
    const item = document.createElement("li");
    const title = document.createElement("b");
    title.textContent = name;
    item.append(title);
    for (const [does, text] of [["open", words.open_it], ["download", words.download], ["remove", words.delete]]) {
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.textContent = text;
      button.setAttribute("aria-label", `${text}: ${name}`);
      Object.assign(button.dataset, { does, world: name });
      item.append(button);
    }
    return item;
  }

  function say(text) {
    train.write(find(".said"), text);
  }

  // Go to the other tab and into the world.
  async function open(name) {
    const tabs = document.querySelectorAll("#tabs > .tab-wrapper button[role=tab]");
    tabs[0]?.click();
    window.scrollTo({ top: 0 });
    await vae43.worlds.enter(name);
  }

  async function download(name) {
    const pieces = [];
    let [total, digest] = [1, ""];
    for (let offset = 0; offset < total; ) {
      const answer = await train.ask("pack", { name, offset, digest });
      if (answer.error) return say(answer.error);
      const piece = vae43.blob(answer.piece, "application/zip");
      pieces.push(piece);
      offset += piece.size;
      ({ size: total, digest } = answer);
      say(train.fill(words.packing, { done: Math.round((100 * offset) / total) }));
    }
    say("");
    train.hand(new Blob(pieces, { type: "application/zip" }), `${name}.zip`);
  }

  async function load(file) {
    const answer = await train.send("unpack", file, {}, (done, total) =>
      say(train.fill(words.loading, { done: Math.round((100 * done) / total) })),
    );
    say(answer.error ?? train.fill(words.loaded, { name: answer.name }));
    await list();
  }

  async function remove(name) {
    if (!(await train.sure(train.fill(words.delete_sure, { name }), words.yes_delete))) return;
    const answer = await train.ask("delete_world", { name });
    say(answer.error ?? train.fill(words.deleted, { name }));
    await list();
  }

  return { mount, take, list, open, download, has: (name) => there.has(name) };
})();
