/* The list of jobs: what REST gives, kept up to date by the feed. What belongs to a playlist stands below it. */

import { get, post, Problem } from "./api.js";
import { Entries } from "./entries.js";
import { clearProblem, showProblem } from "./problem.js";
import { ACTIONS, percentOf } from "./row.js";
import { isOlder, Rows } from "./rows.js";
import { say } from "./words.js";

const PAGE = 50;
const PATIENCE_WITH_ASKED_MS = 15_000;

/** What each chip shows: the states to ask REST for (none: any). */
const VIEWS = {
  all: [],
  active: ["running", "queued", "scheduled", "paused"],
  done: ["succeeded"],
  failed: ["failed"],
};

const EMPTY = {
  all: ["The nest is empty", "Paste an address above and watch it arrive here."],
  active: ["All quiet", "Nothing is running or waiting at the moment."],
  done: ["Nothing has arrived yet", "What is finished stays listed here, with its files."],
  failed: ["Nothing has failed", "Should something go wrong, it stands here with the reason and what to do."],
};

const MILESTONES = { running: "Started", succeeded: "Finished", failed: "Failed", paused: "Paused", cancelled: "Cancelled" };

export class JobList {
  /** `reader`: {id, admin}; `on.percent(number or null)` after each change. */
  constructor(reader, on) {
    this.reader = reader;
    this.on = on;
    this.kinds = [];
    this.cursor = null;
    this.reading = 0;
    this.loaded = false;
    this.view = { show: "all", who: reader.admin ? "everyone" : "mine" };
    this.list = document.getElementById("jobs");
    this.more = document.getElementById("more");
    this.problems = document.getElementById("list-problems");
    this.more.addEventListener("click", () => this.loadMore());
    this.context = {
      kindTitle: (name) => this.kinds.find((kind) => kind.name === name)?.title ?? name,
      whose: (job) => (this.showsEveryone() ? this.whose(job) : ""),
      act: (row, action) => this.act(row, action),
      unfold: (row) => this.unfold(row),
    };
    this.rows = new Rows(this.list, this.context, (job, other) => isOlder(other, job));
  }

  whose({ owner }) {
    if (owner === null) return "by the system";
    return owner.id === this.reader.id ? "for you" : `for ${owner.name}`;
  }

  showsEveryone() {
    return this.reader.admin && this.view.who === "everyone";
  }

  /** Kinds tell titles, and which jobs the system makes as a matter of routine. */
  know(kinds) {
    this.kinds = kinds;
    for (const row of this.rows.values()) row.draw(row.job);
  }

  show(view) {
    this.view = { ...this.view, ...view };
    this.rows.clear();
    this.loaded = false;
    return this.load();
  }

  /** Reads the first page anew; rows that are still there keep their place and what is open in them. */
  async load() {
    const reading = ++this.reading;
    try {
      const jobs = await this.fetchPage(null);
      if (reading !== this.reading) return;
      this.loaded = true;
      clearProblem(this.problems);
      this.rows.keep(jobs);
      for (const job of jobs) this.put(job);
      for (const row of this.rows.values()) if (row.entries) this.unfold(row);
    } catch (problem) {
      if (reading !== this.reading) return;
      if (problem instanceof Problem && !this.loaded && problem.status !== 401) showProblem(this.problems, problem);
      throw problem;
    } finally {
      if (reading === this.reading) this.settle();
    }
  }

  async loadMore() {
    const reading = this.reading;
    const last = this.list.lastElementChild;
    this.more.setAttribute("aria-busy", "true");
    try {
      const jobs = await this.fetchPage(this.cursor);
      if (reading !== this.reading) return;
      for (const job of jobs) this.put(job);
      last?.nextElementSibling?.focus();
    } catch (problem) {
      showProblem(this.problems, problem);
    } finally {
      this.more.removeAttribute("aria-busy");
      this.settle();
    }
  }

  async fetchPage(cursor) {
    const page = await get(`jobs?${this.search(cursor)}`);
    this.cursor = page.next_cursor;
    return page.items;
  }

  search(cursor) {
    const search = new URLSearchParams({ limit: PAGE, routine: false, parent: "none" });
    const states = VIEWS[this.view.show];
    if (states.length) search.set("state", states.join());
    if (cursor) search.set("cursor", cursor);
    if (this.reader.admin && this.view.who === "mine") search.set("owner", "me");
    return search;
  }

  /** A job from the feed or from the answer to an action. */
  take(job) {
    if (job.parent_id !== null) {
      this.rows.get(job.parent_id)?.entries?.take(job);
      return;
    }
    const row = this.rows.get(job.id);
    const before = row?.job.state;
    if (!row && !this.belongs(job)) return;
    if (!this.put(job)) return;
    if (job.state !== before) this.announce(this.rows.get(job.id), before);
    this.settle();
  }

  /** A job that was just asked for in this page: seen at once, whatever is filtered. */
  async welcome(job) {
    if (!["all", "active"].includes(this.view.show)) await this.on.showAll();
    this.put(job);
    this.settle();
    this.rows.get(job.id)?.element.classList.add("new");
  }

  belongs(job) {
    const states = VIEWS[this.view.show];
    if (states.length && !states.includes(job.state)) return false;
    if (this.reader.admin && this.view.who === "mine" && job.owner?.id !== this.reader.id) return false;
    if (this.isRoutine(job)) return false;
    const oldest = this.oldest();
    return !oldest || !this.cursor || !isOlder(job, oldest);
  }

  oldest() {
    return this.rows.get(this.list.lastElementChild?.dataset.id)?.job;
  }

  isRoutine(job) {
    return job.owner === null && this.kinds.some((kind) => kind.routine && kind.name === job.kind);
  }

  /** Draws a job unless what we have is newer; returns whether anything changed. */
  put(job) {
    return !this.isRoutine(job) && this.rows.put(job);
  }

  /** Reads the entries of a playlist, for the first time or anew. */
  unfold(row) {
    row.entries ??= new Entries(row, { ...this.context, whose: () => "" });
    return row.entries.load();
  }

  settle() {
    for (const skeleton of this.list.querySelectorAll(".skeleton")) skeleton.remove();
    this.list.removeAttribute("aria-busy");
    this.more.hidden = !this.cursor;
    const empty = document.getElementById("empty");
    empty.hidden = this.rows.size > 0 || !this.loaded;
    const [title, text] = EMPTY[this.view.show];
    empty.querySelector(".empty-title").textContent = title;
    empty.querySelector(".empty-text").textContent = text;
    this.on.percent(this.percent());
  }

  /** Mean percent of what runs, or null when nothing does. */
  percent() {
    const known = [...this.rows.values()].filter(({ job }) => job.state === "running").map(({ job }) => percentOf(job));
    const numbers = known.filter((percent) => percent !== null);
    return numbers.length ? Math.floor(numbers.reduce((sum, percent) => sum + percent, 0) / numbers.length) : null;
  }

  announce(row, before) {
    const { state, owner, error } = row.job;
    const mine = owner === null || owner.id === this.reader.id;
    if (before === undefined || !mine || !(state in MILESTONES)) return;
    say(`${MILESTONES[state]}: ${row.title}${state === "failed" && error ? `. ${error.message}` : ""}`);
  }

  async act(row, action) {
    if (row.asked || !ACTIONS[action].includes(row.job.state)) return;
    const place = row.element.querySelector(".problems");
    clearProblem(place);
    row.ask(action);
    try {
      this.take(await post(`jobs/${encodeURIComponent(row.job.id)}/${action}`));
      setTimeout(() => row.asked === action && row.ask(null), PATIENCE_WITH_ASKED_MS);
    } catch (problem) {
      row.ask(null);
      showProblem(place, problem);
      if (problem.status === 409) this.refresh(row.job.id);
    }
  }

  async refresh(id) {
    const job = await get(`jobs/${encodeURIComponent(id)}`).catch(() => null);
    if (job) this.take(job);
  }

  tick() {
    for (const row of this.rows.values()) row.tick();
  }
}
