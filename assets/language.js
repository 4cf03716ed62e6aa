// The language of the page: the visitor's choice, else the browser's; it changes in place.
//
// Panels come in every language. The page shows the first, and `adopt` finds the places where the
// others differ: a switch writes those anew and leaves everything else as it is. What scripts put
// there themselves they put there again on `vae43:language`; their words are read through `adopt`
// too, so that a word is always of the language that is spoken. Gradio translates its own labels.
"use strict";

vae43.language = (() => {
  const KEPT = "vae43.language"; // in the browser's storage
  const CODES = ["en", "zh-CN"];
  const [FIRST] = CODES;
  const WORDS = ["title", "aria-label", "placeholder", "alt", "label"];
  const places = []; // {node, attribute or null for text, texts by code}
  const proxies = new WeakMap(); // an object of the first language → what reads it in any
  const names = new Map(); // a name in any language → texts by code
  let code = chosen();

  function chosen() {
    const known = (name) => CODES.find((one) => one.split("-")[0] === name?.split("-")[0]);
    try {
      const kept = localStorage.getItem(KEPT);
      if (CODES.includes(kept)) return kept;
    } catch {
      // closed to this page: the browser's own
    }
    return navigator.languages.map(known).find(Boolean) ?? FIRST;
  }

  // ------------------------------------------------------------------ what a panel is given

  // Take a panel in: its words will follow. Returns its props, those in every language as one.
  function adopt(element, props) {
    const { versions, spoken } = JSON.parse(JSON.stringify(props));
    const twins = CODES.map((one) => {
      if (one === FIRST) return element;
      const template = document.createElement("template");
      template.innerHTML = versions[one];
      return template.content;
    });
    const found = places.length;
    pair(twins);
    for (const place of places.slice(found)) write(place, FIRST);
    const read = (name) => live(spoken[name]);
    return new Proxy(props, { get: (all, name) => (name in spoken ? read(name) : all[name]) });
  }

  // Walk over the same panel in all languages at once and keep what differs.
  function pair(twins) {
    const [first] = twins;
    const note = (attribute, texts) => {
      if (new Set(texts).size === 1) return;
      const byCode = Object.fromEntries(CODES.map((one, i) => [one, texts[i]]));
      places.push({ node: first, attribute, texts: byCode });
    };
    if (first.nodeType === Node.TEXT_NODE) return note(null, twins.map((twin) => twin.data));
    for (const name of first.attributes ? WORDS : []) {
      if (first.hasAttribute(name)) note(name, twins.map((twin) => twin.getAttribute(name)));
    }
    first.childNodes.forEach((_, i) => pair(twins.map((twin) => twin.childNodes[i])));
    return undefined;
  }

  // Write a place anew, unless a script has put something else there.
  function write({ node, attribute, texts }, before) {
    const now = attribute ? node.getAttribute(attribute) : node.data;
    if (now !== texts[before]) return;
    if (attribute) node.setAttribute(attribute, texts[code]);
    else node.data = texts[code];
  }

  // A value that comes in every language, read in the one that is spoken when it is read.
  function live(versions, path = []) {
    const at = (one) => path.reduce((value, key) => value[key], versions[one]);
    const first = at(FIRST);
    if (first === null || typeof first !== "object") return at(code);
    if (!proxies.has(first)) {
      const get = (_, key) =>
        Object.hasOwn(first, key) && typeof key === "string" && key !== "length"
          ? live(versions, [...path, key])
          : first[key];
      proxies.set(first, new Proxy(first, { get }));
    }
    return proxies.get(first);
  }

  // Every request says which language its answer shall be in.
  function asking(server) {
    const named = (data) => ({ language: code, ...data });
    const ask = (one) => (data = {}) =>
      one(data.binary ? { ...data, data: named(data.data) } : named(data));
    const entries = Object.entries(server ?? {});
    return Object.fromEntries(entries.map(([name, one]) => [name, ask(one)]));
  }

  // ------------------------------------------------------------------ the switch

  function speak(next) {
    if (!CODES.includes(next) || next === code) return;
    const before = code;
    code = next;
    try {
      localStorage.setItem(KEPT, code);
    } catch {
      // not remembered, that is all
    }
    for (const place of places) write(place, before);
    mark();
    document.dispatchEvent(new CustomEvent("vae43:language", { detail: { code, before } }));
    follow();
  }

  // Gradio starts in the browser's language and has no switch on this page, only the function
  // behind the one on its own: it is called here, in the module that Gradio has loaded.
  async function follow() {
    const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
    const core = loaded.find((name) => /\/core-[^/]*\.js$/.test(name));
    const module = core ? await import(core).catch(() => null) : null;
    module?.changeLocale?.(code); // sets the document's language too
    document.documentElement.lang = code;
  }

  const buttons = () => document.querySelectorAll("#masthead [data-language]");

  function mark() {
    for (const button of buttons()) {
      button.setAttribute("aria-pressed", button.dataset.language === code);
    }
  }

  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("#masthead [data-language]");
    if (!button) return;
    speak(button.dataset.language);
    // On a narrow page the one that is spoken is not shown.
    if (!button.checkVisibility()) [...buttons()].find((one) => one !== button)?.focus();
  });

  // ------------------------------------------------------------------ names once given

  // `names`: those the page gives to pictures, and of Gradio's tabs, which it writes once.
  function mount(props) {
    mark();
    follow();
    const { spoken } = JSON.parse(JSON.stringify(props));
    for (const key of Object.keys(spoken.names[FIRST])) {
      const texts = Object.fromEntries(CODES.map((one) => [one, spoken.names[one][key]]));
      for (const text of Object.values(texts)) names.set(text, texts);
    }
    watch();
  }

  function watch() {
    const wrapper = document.querySelector("#tabs > .tab-wrapper");
    if (!wrapper) return setTimeout(watch, 50); // the tabs are not there yet
    const mend = () => rename(wrapper);
    const all = { subtree: true, childList: true, characterData: true, attributes: true };
    new MutationObserver(mend).observe(wrapper, all);
    document.addEventListener("vae43:language", mend);
    return mend();
  }

  function rename(root) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      const text = names.get(node.data.trim())?.[code];
      if (text && text !== node.data.trim()) node.data = text;
    }
    for (const element of root.querySelectorAll("[aria-label]")) {
      const text = names.get(element.getAttribute("aria-label"))?.[code];
      if (text && text !== element.getAttribute("aria-label")) element.setAttribute("aria-label", text);
    }
  }

  // The name of a picture in this language where it is one that the page gave, else as it is.
  function known(name) {
    return names.get(name)?.[code] ?? name;
  }

  return {
    ...{ adopt, asking, known, mount, speak },
    get code() { return code; },
  };
})();
