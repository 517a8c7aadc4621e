/* A list that REST gives in pages: loading, empty, failed and tried again, more of it. And what its rows are made of. */

import { get, Problem } from "./api.js";
import { clearProblem, showProblem } from "./problem.js";
import { writeOrHide } from "./words.js";

export class Listing {
  /** `section` holds the list and its states; `path(cursor)` is what to read, `draw(item)` makes a row of an item with an id. */
  constructor(section, { path, draw, loaded = () => {} }) {
    this.list = section.querySelector(".list");
    this.problems = section.querySelector(":scope > .problems");
    this.empty = section.querySelector(".empty");
    this.more = section.querySelector(".more button");
    Object.assign(this, { path, draw, loaded });
    this.items = [];
    this.cursor = null;
    this.reading = 0;
    this.more?.addEventListener("click", () => this.loadMore());
  }

  /** Reads the first page anew. */
  async load() {
    const page = await this.read(null, () => this.load());
    if (!page) return;
    this.items = page.items;
    this.show();
  }

  async loadMore() {
    this.more.setAttribute("aria-busy", "true");
    const page = await this.read(this.cursor, () => this.loadMore());
    this.more.removeAttribute("aria-busy");
    if (!page) return;
    const before = this.list.childElementCount;
    this.items.push(...page.items);
    this.list.append(...page.items.map((item) => this.row(item)));
    this.settle();
    this.list.children[before]?.focus();
  }

  /** A page of items; null if it could not be read, or if a later reading has overtaken it. */
  async read(cursor, again) {
    const reading = ++this.reading;
    try {
      const page = await get(this.path(cursor));
      if (reading !== this.reading) return null;
      this.cursor = page.next_cursor;
      clearProblem(this.problems);
      return page;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (reading !== this.reading || problem.status === 401) return null;
      for (const skeleton of this.list.querySelectorAll(".skeleton")) skeleton.remove();
      showProblem(this.problems, problem, again);
      return null;
    }
  }

  /** Draws everything anew; the keyboard stays in its row, at the same button if there still is one. */
  show() {
    const { id, act } = this.focused();
    this.list.replaceChildren(...this.items.map((item) => this.row(item)));
    this.settle();
    if (id === undefined) return;
    const row = this.list.querySelector(`:scope > [data-id="${CSS.escape(id)}"]`);
    (row?.querySelector(`[data-act="${act}"]:not([hidden])`) ?? row)?.focus();
  }

  focused() {
    const row = this.list.contains(document.activeElement) && document.activeElement.closest("[data-id]");
    return row ? { id: row.dataset.id, act: document.activeElement.dataset.act ?? "" } : {};
  }

  row(item) {
    const element = this.draw(item);
    element.dataset.id = item.id;
    return element;
  }

  /** One item is gone; the keyboard goes to its neighbour. */
  drop(id) {
    const row = this.list.querySelector(`:scope > [data-id="${CSS.escape(id)}"]`);
    const next = row?.nextElementSibling ?? row?.previousElementSibling;
    row?.remove();
    this.items = this.items.filter((one) => one.id !== id);
    this.settle();
    next?.focus();
  }

  settle() {
    this.list.removeAttribute("aria-busy");
    if (this.empty) this.empty.hidden = this.items.length > 0;
    if (this.more) this.more.hidden = !this.cursor;
    this.loaded(this.items);
  }
}

/** A copy of a template, with texts in the elements of these classes; those without a text are hidden. */
export function made(template, texts = {}) {
  const element = document.getElementById(`${template}-template`).content.firstElementChild.cloneNode(true);
  for (const [name, text] of Object.entries(texts)) writeOrHide(element.querySelector(`.${name}`), text);
  return element;
}

/** Lets ids, and what refers to them, begin with the same word: of a template there are many copies. */
export function prefixIds(element, prefix) {
  for (const attribute of ["id", "for", "aria-controls", "aria-describedby", "aria-labelledby"]) {
    for (const one of element.querySelectorAll(`[${attribute}]`)) {
      const ids = one.getAttribute(attribute).split(" ");
      one.setAttribute(attribute, ids.map((id) => prefix + id).join(" "));
    }
  }
}

/** Opens and closes what a button with `aria-controls` stands for. */
export function fold(button, place, open = place.hidden) {
  place.hidden = !open;
  button.setAttribute("aria-expanded", String(open));
}
