/* The entries of a playlist: read when its row is unfolded, kept up to date by the feed, the first one on top. */

import { get, Problem } from "./api.js";
import { clearProblem, showProblem } from "./problem.js";
import { isOlder, Rows } from "./rows.js";

const PAGE = 200;

export class Entries {
  constructor(row, context) {
    this.row = row;
    this.list = row.part("entries-list");
    this.more = row.part("entries-more");
    this.cursor = null;
    this.rows = new Rows(this.list, context, isOlder);
    this.list.setAttribute("aria-label", `Entries of ${row.title}`);
    this.more.addEventListener("click", () => this.loadMore());
  }

  /** Reads the last entries anew: REST gives the newest first. */
  load() {
    return this.read(null, (jobs) => this.rows.keep(jobs));
  }

  loadMore() {
    return this.read(this.cursor, () => {});
  }

  async read(cursor, prepare) {
    const place = this.row.part("problems");
    this.more.setAttribute("aria-busy", "true");
    try {
      const jobs = await this.fetchPage(cursor);
      clearProblem(place);
      prepare(jobs);
      for (const job of jobs) this.rows.put(job);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      showProblem(place, problem);
    } finally {
      this.more.removeAttribute("aria-busy");
    }
  }

  async fetchPage(cursor) {
    const search = new URLSearchParams({ parent: this.row.job.id, limit: PAGE });
    if (cursor) search.set("cursor", cursor);
    const page = await get(`jobs?${search}`);
    this.cursor = page.next_cursor;
    this.more.hidden = !this.cursor;
    this.list.removeAttribute("aria-busy");
    return page.items;
  }

  take = (job) => this.rows.put(job);

  tick() {
    for (const row of this.rows.values()) row.tick();
  }
}
