/* Asks again and again, one question at a time, until it is told to stop. Slower while answers fail, asleep while
   nobody has looked at the page for long, at once when somebody looks again. */

const USUAL_MS = 2000;
const LONGEST_MS = 30_000;
const ASLEEP_AFTER_MS = 5 * 60_000;

export class Poll {
  /** `ask()` asks once; that it throws makes the next question come later and ends nothing: `failed(error)` says so. */
  constructor(ask, failed) {
    Object.assign(this, { ask, failed });
    this.round = 0; // grows with every start and stop: what belongs to an earlier one is over
    this.failures = 0;
    this.timer = 0;
    this.asking = false;
    this.hiddenSince = null;
    document.addEventListener("visibilitychange", () => this.look());
  }

  get running() {
    return this.round % 2 === 1;
  }

  start() {
    this.stop();
    this.round += 1;
    this.failures = 0;
    this.turn(this.round);
  }

  stop() {
    clearTimeout(this.timer);
    if (this.running) this.round += 1;
    this.asking = false;
  }

  look() {
    this.hiddenSince = document.hidden ? Date.now() : null;
    if (!this.running || document.hidden || this.asking) return;
    clearTimeout(this.timer);
    this.turn(this.round);
  }

  async turn(round) {
    if (document.hidden && this.hiddenSince !== null && Date.now() - this.hiddenSince > ASLEEP_AFTER_MS) return;
    this.asking = true;
    let wait = USUAL_MS;
    try {
      await this.ask(() => round === this.round);
      this.failures = 0;
    } catch (error) {
      if (round !== this.round) return;
      this.failures += 1;
      wait = Math.max(Math.min(LONGEST_MS, USUAL_MS * 2 ** this.failures), (error.retryAfter ?? 0) * 1000);
      this.failed(error);
    }
    if (round !== this.round) return;
    this.asking = false;
    this.timer = setTimeout(() => this.turn(round), wait);
  }
}
