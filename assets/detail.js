// Keep its own detail: a picture one starts from stays as it is, and the sliders add to it what they
// change in the world's picture of it.
//
// The state carries the picture with the latents it was read as ("detail"), so undo, links and
// recipes bring it back; a start that is left takes it along. It is on until it is switched off.
"use strict";

vae43.detail = (() => {
  const { store } = vae43;
  const names = new WeakMap(); // of details that the server has been sent, by their latents
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
    const picture = box.checked ? vae43.closer.picture() : null;
    store.change("detail", { detail: carried({ ...picture, ...latents(store.state) }) });
  }

  const latents = ({ z, key }) => ({ z, key });

  // What a state carries of a picture: null where its detail cannot be kept.
  function carried({ packed, z, key, grain }) {
    return packed ? { webp: packed, z, key, ...(grain === undefined ? {} : { grain }) } : null;
  }

  function show() {
    if (!row) return;
    const { words } = vae43;
    row.hidden = !store.state.detail && !vae43.closer.picture()?.packed;
    box.checked = Boolean(store.state.detail);
    row.querySelector("span").textContent = words.detail;
    row.querySelector("p").textContent = words.detail_note;
    row.title = words.detail_carried;
  }

  // What a mixture of states carries: the detail that most of it has, less by what another has.
  // Two states of one picture keep all of it between them.
  function mixed(states, weights) {
    const found = new Map(); // of each picture, how much of it there is
    states.forEach(({ detail }, i) => {
      if (!detail) return;
      const share = (found.get(detail.webp)?.share ?? 0) + weights[i] * (detail.share ?? 1);
      found.set(detail.webp, { ...detail, share });
    });
    const [most, next] = [...found.values()].sort((a, b) => b.share - a.share);
    const share = Math.round(100 * ((most?.share ?? 0) - (next?.share ?? 0))) / 100;
    return share > 0 ? { ...most, share } : null;
  }

  // Ask for a frame, the detail named where the server knows it, and sent again where it does not.
  async function frame(shown) {
    const state = { ...shown, ...vae43.original.asking(shown) };
    const { detail } = state;
    const ref = detail && names.get(detail.z);
    const named = ref && { ref, share: detail.share ?? 1 };
    let answer = await vae43.server.frame(ref ? { ...state, detail: named } : state);
    if (answer?.forgotten) {
      names.delete(detail.z);
      answer = await vae43.server.frame(state);
    }
    if (answer?.ref) names.set(detail.z, answer.ref);
    return answer;
  }

  document.addEventListener("vae43:mounted", mounted);

  return {
    show,
    frame,
    // What a state carries that starts from a picture just read, or null.
    of: (answer) => (vae43.memory.read("detail").on === false ? null : carried(answer)),
    // The same, once the picture has been read anew.
    moved: (best) =>
      store.state.detail ? { ...store.state.detail, ...latents(best), share: 1 } : null,
    mixed,
  };
})();
