/* How many downloads are left of the hour's quota: said at the form, before it is used up. */

import { get } from "./api.js";
import { duration, until, writeOrHide } from "./words.js";

export class Quota {
  constructor(line) {
    this.line = line;
    this.quota = null;
  }

  async load() {
    const { quotas } = await get("me");
    this.quota = quotas.download ?? null;
    this.draw();
  }

  /** Counts down to the moment when there is room again; then there is more of it to be read. */
  tick() {
    if (!this.quota?.resets_at) return;
    if (until(this.quota.resets_at) > 0) {
      this.draw();
      return;
    }
    this.quota.resets_at = null;
    this.load().catch(() => {});
  }

  draw() {
    const { limit, used, resets_at: reset } = this.quota ?? {};
    const left = limit - used;
    if (!limit) writeOrHide(this.line, "");
    else if (left > 0) writeOrHide(this.line, `${left} of ${limit} downloads left this hour.`);
    else writeOrHide(this.line, `No downloads left this hour. The next one in ${duration(reset ? until(reset) : 0)}.`);
    this.line.dataset.left = left > 0 ? "some" : "none";
  }
}
