/* Rows in a list on the page, one a job, in an order. A job's revision never goes back. */

import { Row } from "./row.js";

export class Rows {
  /** `comesBefore(job, other)`: whether a job stands above the other. */
  constructor(list, context, comesBefore) {
    this.list = list;
    this.context = context;
    this.comesBefore = comesBefore;
    this.known = new Map();
  }

  get size() {
    return this.known.size;
  }

  get = (id) => this.known.get(id);

  values = () => this.known.values();

  /** Draws a job unless what we have is newer; returns whether anything changed. */
  put(job) {
    const row = this.known.get(job.id);
    if (row) {
      if (job.revision <= row.job.revision) return false;
      row.draw(job);
      return true;
    }
    const made = new Row(job, this.context);
    this.known.set(job.id, made);
    this.list.insertBefore(made.element, this.successor(job));
    return true;
  }

  successor(job) {
    for (const element of this.list.querySelectorAll(":scope > [data-id]")) {
      if (this.comesBefore(job, this.known.get(element.dataset.id).job)) return element;
    }
    return null;
  }

  /** Drops every row whose job is not among these. */
  keep(jobs) {
    const found = new Set(jobs.map((job) => job.id));
    for (const [id, row] of this.known) {
      if (found.has(id)) continue;
      row.element.remove();
      this.known.delete(id);
    }
  }

  clear() {
    this.keep([]);
  }
}

export function isOlder(one, other) {
  if (one.created_at !== other.created_at) return one.created_at < other.created_at;
  return Number(one.id) < Number(other.id);
}
