// The menu of the other forms a picture can be saved in: WebP, and its palette.
"use strict";

(() => {
  const open = () => document.querySelector("details.export[open]");

  async function save(request) {
    const { words, server, original } = vae43;
    vae43.say(request.palette ? words.gathering : words.saving, "busy", 30);
    const whole = () => (request.palette ? undefined : original.save({ ...request, kind: "webp" }));
    const ask = () => whole() ?? server.export({ ...vae43.snapshot(), ...request });
    const answer = await vae43.asked(ask);
    if (answer.error) return vae43.note(answer.error);
    vae43.download(answer.file, answer.type, answer.name);
    vae43.say("");
  }

  document.addEventListener("vae43:mounted", function remember() {
    const box = document.querySelector("#keep-recipe input");
    if (box) vae43.remembered(box, "vae43.recipe");
    else setTimeout(remember, 50); // Gradio's row is not there yet
  });

  document.addEventListener("click", (event) => {
    const choice = event.target.closest?.("details.export button");
    if (choice) {
      const { factor, palette } = choice.dataset;
      const recipe = document.querySelector("#keep-recipe input")?.checked ?? false;
      save(palette ? { palette } : { factor: Number(factor), recipe });
    }
    if (choice || !event.target.closest?.("details.export")) open()?.removeAttribute("open");
  });

  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && open();
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
})();
