// The world the page is in, and the menu in the masthead that leads to another.
//
// `enter` asks the server for a world, as it is now, and puts it under the page: who follows is told
// and draws its sliders. Where it cannot be had the reason is said, and the page stays where it is.
"use strict";

vae43.worlds = (() => {
  const followers = [];
  const hashes = new Map(); // of the worlds this page has been in
  const spoken = () => vae43.language?.code ?? "en";
  let known = null; // {name, hash, sliders: rows by language}
  let here = null; // the same with the rows of the language that is spoken
  let words = {};
  let turn = 0;

  // ------------------------------------------------------------------ the world on the page

  // `anew`: whether it is another world, and not the same in another language.
  function adopt(world, anew = true) {
    known = world;
    here = { ...world, sliders: world.sliders[spoken()] ?? Object.values(world.sliders)[0] };
    hashes.set(world.name, world.hash);
    for (const told of followers) told(here, anew);
    name(world.name);
  }

  // Be told of the world now, if there is one, and of every other that the page goes to.
  function follow(told) {
    followers.push(told);
    if (here) told(here, true);
  }

  // Go to a world as it was left, or to a state of it, or, where it is new, to the first drawing it
  // learned from. Returns whether the page is there now.
  // `gone`: what is said where there is no such world.
  async function enter(to, state = null, kind = "world", gone = null) {
    const { memory } = vae43;
    const mine = ++turn;
    vae43.say(vae43.words.waking, "busy", 60);
    const answer = await vae43.asked(() => vae43.server.open_world({ to }));
    if (mine !== turn) return false; // another was asked for meanwhile
    vae43.say("");
    if (answer.error) {
      memory.tell((answer.gone && gone) || answer.error);
      return false;
    }
    memory.leave();
    adopt(answer);
    const found = state ?? memory.left(to);
    await memory.go({ ...(found ?? { seed: vae43.firstSeed(to), moves: {} }), world: to }, kind);
    if (!state) memory.aged(to);
    if (!found) await vae43.drawings.begin();
    return true;
  }

  // Every request names its world, and which weights of that name are meant.
  function naming(server) {
    const named = (data) => {
      const world = data.world ?? vae43.store.state.world;
      const hash = hashes.get(world);
      return { world, ...(hash ? { hash } : {}), ...data };
    };
    const ask = (one) => (data = {}) =>
      one(data.binary ? { ...data, data: named(data.data) } : named(data));
    return Object.fromEntries(Object.entries(server).map(([name, one]) => [name, ask(one)]));
  }

  // ------------------------------------------------------------------ the menu

  const find = (selector) => document.querySelector(`#masthead ${selector}`);
  const button = () => find("button.world");
  const list = () => document.getElementById("worlds-list");
  const dialog = () => document.querySelector("dialog.card");
  const shown = () => Boolean(list() && !list().hidden);

  function mount(props) {
    words = props.world_words;
    document.addEventListener("click", click);
    document.addEventListener("keydown", key);
    document.addEventListener("vae43:language", () => adopt(known, false));
    document.addEventListener("focusin", ({ target }) => {
      if (shown() && !target.closest?.(".worlds, dialog.card")) close();
    });
  }

  function name(text) {
    if (!button()) return;
    button().firstElementChild.textContent = text;
    button().setAttribute("aria-label", words.open.replace("{name}", text));
  }

  async function open() {
    const answer = await vae43.asked(() => vae43.server.worlds());
    if (answer.error) return vae43.note(answer.error);
    list().querySelector("ul").replaceChildren(...answer.worlds.map(item));
    list().hidden = false;
    button().setAttribute("aria-expanded", "true");
    (list().querySelector("[aria-current]") ?? list().querySelector(".enter"))?.focus();
  }

  function close() {
    list().hidden = true;
    button().setAttribute("aria-expanded", "false");
  }

  function item({ name: title, about }) {
    const make = (tag, className, text) =>
      Object.assign(document.createElement(tag), { className, textContent: text });
    const go = Object.assign(make("button", "enter", ""), { type: "button" });
    go.append(make("b", "", title), make("span", "", about));
    if (title === here.name) go.setAttribute("aria-current", "true");
    const card = Object.assign(make("button", "card", words.card), { type: "button" });
    card.setAttribute("aria-label", words.card_of.replace("{name}", title));
    card.setAttribute("aria-haspopup", "dialog");
    const row = document.createElement("li");
    row.dataset.world = title;
    row.append(go, card);
    return row;
  }

  function click({ target }) {
    if (target.matches?.("dialog.card, dialog.card > .inside > .close")) return dialog().close();
    const pressed = target.closest?.("button");
    if (pressed && pressed === button()) return shown() ? close() : open();
    if (!shown() || dialog().contains(target)) return undefined;
    const to = list().contains(target) && pressed?.parentElement.dataset.world;
    if (to && pressed.className === "card") return read(to);
    if (to || !list().contains(target)) close();
    if (to) button().focus();
    if (to && to !== here.name) enter(to);
    return undefined;
  }

  function key(event) {
    if (!shown() || dialog().open) return undefined;
    if (event.key === "Escape") {
      close();
      return button().focus();
    }
    const rows = [...list().querySelectorAll("li")];
    const at = rows.indexOf(event.target.closest?.("li"));
    const part = event.target.className;
    const to = {
      ...{ ArrowUp: [at - 1, part], ArrowDown: [at + 1, part] },
      ...{ ArrowLeft: [at, "enter"], ArrowRight: [at, "card"] },
      ...{ Home: [0, part], End: [rows.length - 1, part] },
    }[event.key];
    if (at < 0 || !to) return undefined;
    event.preventDefault();
    return rows[to[0]]?.querySelector(`.${to[1]}`).focus();
  }

  // ------------------------------------------------------------------ the card

  async function read(of) {
    const answer = await vae43.asked(() => vae43.server.card({ of }));
    if (answer.error) {
      close();
      return vae43.note(answer.error);
    }
    const article = dialog().querySelector("article");
    article.lang = spoken(); // but for the blocks that say otherwise
    article.innerHTML = answer.html; // made by the server from Markdown alone
    dialog().setAttribute("aria-label", words.card_of.replace("{name}", of));
    dialog().showModal(); // it gives the focus back by itself
    article.scrollTop = 0;
    return article.focus();
  }

  return {
    ...{ adopt, enter, follow, mount, naming },
    get here() { return here; },
  };
})();
