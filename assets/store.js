// The state of a picture in the page: one plain object, one way to change it, and who is told.
//
//   { seed, z, key, name,   where it starts: a seed, or latents (z, key) read from a file called name
//     moves,                slider name to position, zeros left out
//     held,                 slider name to what it adds to the key, so that the rest is held
//     own,                  of the moves, those that the file itself has set
//     detail }              {webp, z, key, share}: the file's picture, where its detail is kept
//
// A panel adds a field of its own by changing it; null is the same as absent. States are never
// changed in place, so that whoever keeps one keeps it as it was.
"use strict";

class Store {
  constructor(state) {
    this.state = state;
    this.listeners = [];
  }

  // `kind` says what was done, for those who remember: the same kind twice in a row is one step.
  change(kind, patch) {
    const before = this.state;
    this.state = { ...before, ...patch };
    for (const told of this.listeners) told(this.state, kind, before);
  }

  listen(told) {
    this.listeners.push(told);
  }
}
