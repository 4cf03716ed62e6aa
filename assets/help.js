// The list of keys: "?" opens it, Escape closes it, as a native dialog does by itself.
"use strict";

(() => {
  const dialog = () => document.querySelector("dialog.keys");
  const typing = ({ tagName, type, isContentEditable }) =>
    isContentEditable || tagName === "TEXTAREA" || (tagName === "INPUT" && /text|number|search/.test(type));

  document.addEventListener("keydown", (event) => {
    if (event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target) || !dialog()) return;
    event.preventDefault();
    if (dialog().open) dialog().close();
    else dialog().showModal();
  });

  // The ground behind the dialog is the dialog itself, outside of what is in it.
  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("button.help")) dialog()?.showModal();
    else if (target.matches?.("dialog.keys, dialog.keys .close")) dialog().close();
  });
})();
