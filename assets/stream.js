// The sender of the real-time canvas: the newest value wins.
//
// Every push replaces what is still waiting. A request goes out at most every MIN_GAP ms, with as
// many in flight as the distance to the server asks for; answers that arrive out of order are
// dropped, and the last state pushed is always shown in the end, even across a lost connection.
"use strict";

class FrameStream {
  static MIN_GAP = 25; // ms between two requests
  static FRAME = 33; // ms: one more request in flight per frame of distance
  static MAX_IN_FLIGHT = 6;
  static REMEMBERED = 16; // travels
  static PATIENCE = 20000; // ms until an unanswered request is given up
  static REST = 160; // ms without a newer state until the picture is asked for exactly

  // ask(state) → answer; show(answer, state, latency) → promise; trouble(kind, answer).
  constructor({ ask, show, trouble }) {
    Object.assign(this, { ask, show, trouble });
    this.waiting = null;
    this.seq = 0;
    this.shown = 0; // number of the last answer that reached the canvas
    this.inFlight = 0;
    this.travels = []; // ms on the way of the last requests, without the server's own work
    this.lastSent = -Infinity;
    this.timer = null;
    this.resting = null;
    this.failures = 0;
  }

  push(state) {
    clearTimeout(this.resting);
    this.waiting = { state, since: performance.now() };
    this.pump();
  }

  // Once nothing newer comes, the same state is asked for again, without loss.
  rest(seq, state) {
    if (seq !== this.seq || state.still || this.waiting) return;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.push({ ...state, still: true }), FrameStream.REST);
  }

  // By the shortest of the last travels: a busy page makes the others longer, and more in flight
  // would only make it busier. For the same reason the time on the server does not count.
  get window() {
    const nearest = this.travels.length ? Math.min(...this.travels) : 0;
    const wanted = Math.ceil(nearest / FrameStream.FRAME);
    return Math.min(Math.max(wanted, 1), FrameStream.MAX_IN_FLIGHT);
  }

  pump() {
    if (!this.waiting || this.timer !== null || this.inFlight >= this.window) return;
    const early = this.lastSent + FrameStream.MIN_GAP - performance.now();
    if (early > 0) return this.later(early);
    const { state, since } = this.waiting;
    this.waiting = null;
    this.send(++this.seq, state, since);
  }

  later(ms) {
    this.timer = setTimeout(() => {
      this.timer = null;
      this.pump();
    }, ms);
  }

  async send(seq, state, since) {
    this.inFlight++;
    const sent = (this.lastSent = performance.now());
    const answer = await this.answerTo(seq, state);
    this.inFlight--;
    if (!answer) {
      this.retry(state, since);
      return;
    }
    this.failures = 0;
    this.travels.push(performance.now() - sent - (answer.ms || 0));
    if (this.travels.length > FrameStream.REMEMBERED) this.travels.shift();
    this.pump();
    await this.present(seq, answer, state, since);
  }

  async answerTo(seq, state) {
    let timer;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, FrameStream.PATIENCE);
    });
    try {
      return await Promise.race([this.ask({ ...state, seq }), patience]);
    } catch {
      return undefined; // the same as no answer: retry() tells the artist and tries again
    } finally {
      clearTimeout(timer);
    }
  }

  retry(state, since) {
    this.waiting ??= { state, since };
    this.failures++;
    this.trouble("lost");
    if (this.timer === null) this.later(Math.min(500 * 2 ** (this.failures - 1), 8000));
  }

  // Pictures are decoded side by side; each is drawn unless a newer one already was.
  async present(seq, answer, state, since) {
    if (seq < this.shown) return;
    const claim = () => seq > this.shown && Boolean((this.shown = seq));
    if (!answer.error) await this.show(answer, state, { seq, claim, since });
    else if (claim()) this.trouble("refused", answer);
    this.rest(seq, state);
  }
}
