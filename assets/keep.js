// What stays in the browser: when it is written, and switches that stay as they were left.
"use strict";

// Writes a moment after the last change, and at once when the page is left.
vae43.keeper = (write, calm = 400) => {
  let waiting = null;
  const now = () => {
    if (waiting === null) return;
    clearTimeout(waiting);
    waiting = null;
    write();
  };
  document.addEventListener("visibilitychange", () => document.hidden && now());
  window.addEventListener("pagehide", now);
  return {
    now,
    soon() {
      clearTimeout(waiting);
      waiting = setTimeout(now, calm);
    },
  };
};

// A checkbox that stays as it was left; `first`: what it is until a hand has been there.
vae43.remembered = (box, key, first = true) => {
  box.checked = first;
  try {
    box.checked = (localStorage.getItem(key) ?? (first ? "on" : "off")) !== "off";
  } catch {
    // a storage closed to this page: as it is at first
  }
  box.addEventListener("change", () => {
    try {
      localStorage.setItem(key, box.checked ? "on" : "off");
    } catch {
      // not remembered, that is all
    }
  });
};
