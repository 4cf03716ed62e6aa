// Keep its own detail: a picture one starts from stays as it is, and the sliders add to it what they
// change in the world's picture of it.
//
// The state carries the picture with the latents it was read as ("detail"), so undo, links and
// recipes bring it back; a start that is left takes it along. It is on until it is switched off.
"use strict";

vae43.detail = (() => {
  const { store } = vae43;
  let row = null;
  let box = null;

  // A line of its own below "Start from a picture", where there is a picture whose detail is known.
  function mounted() {
    const again = document.getElementById("again");
    if (!again) return setTimeout(mounted, 50); // Gradio's row is not there yet
    row = Object.assign(document.createElement("div"), { id: "detail", className: "detail-switch" });
    row.innerHTML = '<label><input type="checkbox" role="switch"><span></span></label><p></p>';
    box = row.querySelector("input");
    again.after(row);
    box.addEventListener("change", toggle);
    store.listen(show);
    document.addEventListener("vae43:language", show);
    return show();
  }

  function toggle() {
    vae43.memory.write("detail", { on: box.checked });
    const { z, key } = store.state;
    const webp = vae43.closer.packed();
    store.change("detail", { detail: box.checked && webp ? { webp, z, key } : null });
  }

  function show() {
    if (!row) return;
    const { words } = vae43;
    row.hidden = !store.state.detail && !vae43.closer.packed();
    box.checked = Boolean(store.state.detail);
    row.querySelector("span").textContent = words.detail;
    row.querySelector("p").textContent = words.detail_note;
    row.title = words.detail_carried;
  }

  document.addEventListener("vae43:mounted", mounted);

  return {
    show,
    // What a state carries that starts from a picture just read, or null.
    of(webp, { z, key }) {
      const off = vae43.memory.read("detail").on === false;
      return webp && !off ? { webp, z, key } : null;
    },
    // The same, once the picture has been read anew.
    moved: ({ z, key }) => (store.state.detail ? { ...store.state.detail, z, key } : null),
  };
})();
