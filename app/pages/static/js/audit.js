/* The audit log: the newest first, filtered by what stands in the page's address, so that Back works. */

import "./header.js";
import { get } from "./api.js";
import { actionInWords, detailInWords, GROUPS, iconOf, isTrouble } from "./events.js";
import { Listing, made } from "./listing.js";
import { drawGlyph, moment, named, say } from "./words.js";

const PAGE = 50;
const TYPING_MS = 350;
const FILTERS = ["action", "actor", "q", "since", "until"];
const form = document.getElementById("filters");
const field = (name) => form.elements.namedItem(name);

let typing = 0;

const log = new Listing(document.getElementById("log"), {
  path: (cursor) => {
    const search = chosen();
    search.set("limit", PAGE);
    if (cursor) search.set("cursor", cursor);
    return `admin/audit?${search}`;
  },
  draw: drawEvent,
});

/** What the API is asked for: days as moments of the reader's own clock, the last one included; nothing that is empty. */
function chosen() {
  const search = new URLSearchParams();
  for (const name of FILTERS) {
    const value = field(name).value.trim();
    if (value) search.set(name, field(name).type === "date" ? midnight(value, name === "until" ? 1 : 0).toISOString() : value);
  }
  return search;
}

function midnight(day, later) {
  const [year, month, date] = day.split("-").map(Number);
  return new Date(year, month - 1, date + later);
}

function drawEvent({ at, actor, address, action, target, detail }) {
  const row = made("event", {
    what: actionInWords(action),
    target: targetInWords(action, target, actor),
    actor: whoInWords(actor),
    from: address,
    at: moment(at),
    detail: detailInWords(detail, target),
  });
  drawGlyph(row.querySelector(".glyph"), iconOf(action));
  row.dataset.trouble = isTrouble(action) ? "yes" : "no";
  row.querySelector(".what").title = action;
  row.querySelector(".at").dateTime = at;
  return row;
}

/** Who signs in or out is the actor already. */
function targetInWords(action, target, actor) {
  if (action.startsWith("auth.") && target === actor?.name) return "";
  return action.startsWith("service.") ? named(target) : target;
}

function whoInWords(actor) {
  if (actor === null) return "nobody signed in";
  return actor.id === "0" && actor.name === "local" ? "the command line" : actor.name;
}

// ---- the filters

function option(value, text) {
  const one = document.createElement("option");
  Object.assign(one, { value, textContent: text });
  return one;
}

function readAddress() {
  const wanted = new URLSearchParams(location.search);
  for (const name of FILTERS) field(name).value = wanted.get(name) ?? "";
}

function writeAddress(write) {
  const search = new URLSearchParams();
  for (const name of FILTERS) if (field(name).value.trim()) search.set(name, field(name).value.trim());
  write.call(history, null, "", search.size ? `?${search}` : location.pathname);
}

async function show() {
  const search = chosen();
  search.set("format", "csv");
  document.getElementById("csv").href = `api/v1/admin/audit?${search}`;
  await log.load();
  say(log.items.length ? `${log.items.length}${log.cursor ? " or more" : ""} found` : "Nothing fits");
}

function choose(write = history.pushState) {
  clearTimeout(typing);
  writeAddress(write);
  show();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  choose();
});
form.addEventListener("change", (event) => event.target === field("q") || choose());
field("q").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => choose(history.replaceState), TYPING_MS);
});
document.getElementById("show-all").addEventListener("click", () => {
  form.reset();
  choose();
  field("action").focus();
});
addEventListener("popstate", () => {
  readAddress();
  show();
});

async function start() {
  field("action").append(...Object.entries(GROUPS).map(([value, text]) => option(value, text)));
  const { items } = await get("users?limit=200").catch(() => ({ items: [] })); // without names, everybody's is shown
  field("actor").append(option("0", "The system, the command line"), ...items.map(({ id, name }) => option(id, name)));
  readAddress();
  show();
}

start();
