/* One job as a row: drawn once from the template, afterwards only what changed is written. */

import { factsOf, showHistory } from "./details.js";
import {
  ago, bytes, capital, drawGlyph, duration, moment, named, shortAddress, STATES, until, webAddress, write, writeOrHide,
} from "./words.js";

/** What may be asked for in which state. */
export const ACTIONS = {
  pause: ["scheduled", "queued", "running"],
  resume: ["paused"],
  retry: ["failed", "cancelled"],
  cancel: ["scheduled", "queued", "running", "paused"],
};

const ASKED = { pause: "Pausing…", resume: "Resuming…", retry: "Starting again…", cancel: "Cancelling…" };
const ENDED = ["succeeded", "failed", "cancelled"];
const FILES_SHOWN = 3;
const RATE_SMOOTHING = 0.3;

/** What a reader calls this job. */
export function titleOf(job, kindTitle) {
  const { result, params = {} } = job;
  if (result?.title) return result.title;
  if (params.title) return params.title;
  if (params.url) return shortAddress(params.url);
  const what = params.path ?? params.section ?? params.service ?? params.tmdb_id;
  return what === undefined ? kindTitle : `${kindTitle}: ${what}`;
}

/** Percent of a job, or null where nobody knows. */
export const percentOf = (job) => (job.state === "succeeded" ? 100 : (job.progress?.percent ?? null));

export class Row {
  /** `context`: {kindTitle(name), whose(job), act(row, action), unfold(row)} */
  constructor(job, context) {
    this.context = context;
    this.element = document.getElementById("job-template").content.firstElementChild.cloneNode(true);
    this.part = (name) => this.element.querySelector(`.${name}`);
    this.asked = null;
    this.rate = null;
    this.best = { attempt: -1, stage: "", percent: 0 };
    const id = `job-${job.id}`;
    this.element.id = id;
    this.element.dataset.id = job.id;
    this.entries = null; // once somebody unfolded them
    this.part("job-title").id = `${id}-title`;
    this.part("job-card").setAttribute("aria-labelledby", `${id}-title`);
    this.part("job-details").id = `${id}-details`;
    this.part("details-toggle").setAttribute("aria-controls", `${id}-details`);
    this.part("details-toggle").addEventListener("click", () => this.toggleDetails());
    this.part("entries").id = `${id}-entries`;
    this.part("entries-toggle").setAttribute("aria-controls", `${id}-entries`);
    this.part("entries-toggle").addEventListener("click", () => this.toggleEntries());
    for (const button of this.buttons()) button.addEventListener("click", () => context.act(this, button.dataset.act));
    this.draw(job);
  }

  buttons = () => [...this.part("job-actions").querySelectorAll("[data-act]")];

  draw(job) {
    const before = this.job;
    this.job = job;
    if (this.asked && before && (job.state !== before.state || ENDED.includes(job.state))) this.asked = null;
    this.title = titleOf(job, this.context.kindTitle(job.kind));
    this.element.dataset.state = job.state;
    drawGlyph(this.part("glyph"), `is-${job.state}`);
    this.drawTitle();
    this.drawMeta();
    this.drawProgress();
    this.drawTrouble();
    this.drawFiles();
    this.drawEntries();
    this.drawButtons();
    this.tick();
    if (!this.part("job-details").hidden && before?.state !== job.state) this.loadDetails();
  }

  drawTitle() {
    const heading = this.part("job-title");
    const address = webAddress(this.job.params?.url ?? "");
    if (heading.textContent === this.title) return;
    const inner = document.createElement(address ? "a" : "span");
    inner.textContent = this.title;
    if (address) Object.assign(inner, { href: address.href, target: "_blank", rel: "noopener noreferrer", title: address.href });
    heading.replaceChildren(inner);
  }

  drawMeta() {
    const { job } = this;
    write(this.part("job-state"), this.asked ? ASKED[this.asked] : (STATES[job.state] ?? named(job.state)));
    write(this.part("job-kind"), named(job.kind));
    writeOrHide(this.part("job-owner"), this.context.whose(job));
  }

  drawProgress() {
    const { job } = this;
    const { percent, stage, message, done, total, unit, eta_seconds: eta } = job.progress ?? {};
    const running = job.state === "running";
    this.part("job-progress").hidden = !(running || (["paused", "queued", "scheduled", "failed"].includes(job.state) && percent));
    const shown = this.forward(percent ?? null);
    const bar = this.part("bar");
    bar.dataset.kind = shown === null ? "unknown" : "known";
    bar.firstElementChild.style.setProperty("--done", shown === null ? 0 : shown / 100);
    bar.setAttribute("aria-label", `Progress of ${this.title}`);
    if (shown === null) bar.removeAttribute("aria-valuenow");
    else bar.setAttribute("aria-valuenow", Math.floor(shown));
    write(this.part("percent"), shown === null ? "" : `${Math.floor(shown)} %`);
    write(this.part("stage"), running ? stageWord(message || stage || (shown === null ? "starting" : "")) : "");
    write(this.part("amount"), amountOf(done, total, unit));
    write(this.part("rate"), running ? this.rateText(unit) : "");
    write(this.part("left"), running && eta != null ? `${duration(eta)} left` : "");
  }

  /** Within one attempt and stage the bar never goes back. */
  forward(percent) {
    const { attempt, progress } = this.job;
    const stage = progress?.stage ?? "";
    if (percent === null) return null;
    if (attempt !== this.best.attempt || stage !== this.best.stage) this.best = { attempt, stage, percent: 0 };
    this.best.percent = Math.min(100, Math.max(this.best.percent, percent));
    return this.best.percent;
  }

  rateText(unit) {
    const rate = this.job.progress?.rate;
    if (rate == null) {
      this.rate = null;
      return "";
    }
    this.rate = this.rate === null ? rate : this.rate + RATE_SMOOTHING * (rate - this.rate);
    return unit === "bytes" ? `${bytes(this.rate)}/s` : `${this.rate.toFixed(1)} ${unit ?? ""}/s`;
  }

  drawTrouble() {
    const { error, waiting, failures, max_attempts: most, state } = this.job;
    this.part("waiting").hidden = !waiting || ENDED.includes(state);
    write(this.part("waiting-text"), waiting?.message === error?.message ? "" : (waiting?.message ?? ""));
    const shown = error && state !== "succeeded" && state !== "cancelled";
    this.part("trouble").hidden = !shown;
    if (!shown) return;
    const open = failures > 0 && state !== "failed" && most > 1;
    write(this.part("trouble-text"), error.message + (open ? ` (try ${failures} of ${most})` : ""));
    writeOrHide(this.part("trouble-advice"), error.advice);
  }

  drawFiles() {
    const files = this.job.state === "succeeded" ? (this.job.result?.files ?? []) : [];
    const list = this.part("files");
    list.hidden = files.length === 0;
    if (list.childElementCount || !files.length) return;
    list.append(...files.slice(0, FILES_SHOWN).map(fileLine));
    if (files.length <= FILES_SHOWN) return;
    const rest = document.createElement("li");
    rest.className = "soft";
    rest.textContent = `and ${files.length - FILES_SHOWN} more, see the details`;
    list.append(rest);
  }

  /** Of a job that split: how many entries it has, and how they are. */
  drawEntries() {
    const { counts, more } = this.job.result ?? {};
    this.part("entries-toggle").hidden = !counts;
    if (!counts) return;
    const { total, succeeded, failed, cancelled } = counts;
    const open = total - succeeded - failed - cancelled;
    write(this.part("entries-total"), total === 1 ? "1 entry" : `${total} entries`);
    writeOrHide(this.part("entries-done"), succeeded > 0 && `${succeeded} done`);
    writeOrHide(this.part("entries-failed"), failed > 0 && `${failed} failed`);
    writeOrHide(this.part("entries-cancelled"), cancelled > 0 && `${cancelled} cancelled`);
    writeOrHide(this.part("entries-open"), open > 0 && `${open} to come`);
    this.part("entries-rest").hidden = !more;
  }

  drawButtons() {
    const focused = this.element.contains(document.activeElement) ? document.activeElement : null;
    for (const button of this.buttons()) {
      const action = button.dataset.act;
      button.hidden = !ACTIONS[action].includes(this.job.state);
      button.setAttribute("aria-label", `${button.textContent.trim()} ${this.title}`);
      // not `disabled`: that would throw the keyboard's place away
      if (this.asked) button.setAttribute("aria-disabled", "true");
      else button.removeAttribute("aria-disabled");
    }
    this.part("details-toggle").setAttribute("aria-label", `Details of ${this.title}`);
    if (focused?.hidden) (this.buttons().find((button) => !button.hidden) ?? this.part("details-toggle")).focus();
  }

  /** An action was asked for: say so at once; the next state confirms it. */
  ask(action) {
    this.asked = action;
    this.drawMeta();
    this.drawButtons();
  }

  /** Texts that change with the clock. */
  tick() {
    const { created_at: created, finished_at: finished, waiting } = this.job;
    write(this.part("job-when"), finished ? ago(finished) : created ? ago(created) : "");
    this.part("job-when").title = moment(finished ?? created);
    this.entries?.tick();
    if (!waiting) return;
    const left = waiting.until ? until(waiting.until) : null;
    write(this.part("countdown"), left === null ? "" : left < 1 ? "Any moment now." : `Next try in ${duration(left)}.`);
  }

  toggleDetails() {
    const details = this.part("job-details");
    details.hidden = !details.hidden;
    this.part("details-toggle").setAttribute("aria-expanded", String(!details.hidden));
    if (!details.hidden) this.loadDetails();
  }

  toggleEntries() {
    const entries = this.part("entries");
    entries.hidden = !entries.hidden;
    this.part("entries-toggle").setAttribute("aria-expanded", String(!entries.hidden));
    if (!entries.hidden) this.context.unfold(this);
  }

  /** Facts at once, the history when it is there. */
  loadDetails() {
    this.part("facts").replaceChildren(...factsOf(this.job));
    showHistory(this.part("history"), this.job.id);
  }
}

const STAGES = {
  extracting: "Reading the page", downloading: "Fetching", processing: "Putting it together", checking: "Checking the file",
  publishing: "Putting it into the library", children: "Fetching its entries",
};

const stageWord = (stage) => STAGES[stage] ?? capital(stage);

function amountOf(done, total, unit) {
  if (done == null || unit === "jobs") return ""; // entries are counted in words of their own
  const text = unit === "bytes" ? bytes : String;
  const noun = unit && unit !== "bytes" ? ` ${unit}` : "";
  return total == null ? `${text(done)}${noun}` : `${text(done)} of ${text(total)}${noun}`;
}

function fileLine(file) {
  const line = document.getElementById("file-template").content.firstElementChild.cloneNode(true);
  line.querySelector(".file-path").textContent = file.path;
  line.querySelector(".file-size").textContent = file.bytes == null ? "" : bytes(file.bytes);
  return line;
}
