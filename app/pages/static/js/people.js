/* People: who waits to be let in, and what everybody else is and may do. */

import "./header.js";
import { call, get, Problem } from "./api.js";
import { ask } from "./ask.js";
import { fold, made, prefixIds } from "./listing.js";
import { clearProblem, showProblem } from "./problem.js";
import { busy, onSubmit } from "./submit.js";
import { ago, moment, say } from "./words.js";

const PAGE = 200;
const READ_AGAIN_MS = 30_000;
const KINDS = ["download", "request", "scan"];
const WITH_QUOTA = ["download", "request"];
const ROLES = { admin: "Admin", user: "Member", suspended: "Suspended" };
const WHY = {
  approval: "Signed in with Plex and waits for an admin.",
  access: "Plex no longer shares the server with them. They come in again as soon as it does.",
  admin: "An admin has put this account on hold.",
};

const reader = document.body.dataset.userId;
const waiting = document.getElementById("waiting");
const everybody = document.getElementById("everybody");
let people = [];

const waits = (person) => person.suspended === "approval";
const admins = () => people.filter((person) => person.role === "admin");

// ---- reading

async function readAll() {
  const found = [];
  let cursor = null;
  do {
    const page = await get(`users?limit=${PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    found.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return found;
}

async function load() {
  const place = everybody.querySelector(":scope > .problems");
  try {
    people = await readAll();
    clearProblem(place);
    draw();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    for (const skeleton of everybody.querySelectorAll(".skeleton")) skeleton.remove();
    if (problem.status !== 401) showProblem(place, problem, load);
  }
}

/** Draws everybody anew; an open form stays open with what was typed, and the keyboard stays where it is. */
function draw() {
  const open = new Map([...document.querySelectorAll("li.entry:has(.editor:not([hidden]))")].map((row) => [row.dataset.id, row]));
  const focused = document.activeElement?.closest("li.entry")?.dataset.id;
  const act = document.activeElement?.dataset.act ?? "change";
  const row = (person) => open.get(person.id) ?? drawPerson(person);
  const sorted = [...people].sort((one, other) => rank(one) - rank(other) || one.name.localeCompare(other.name));
  waiting.querySelector(".list").replaceChildren(...sorted.filter(waits).map(row));
  everybody.querySelector(".list").replaceChildren(...sorted.filter((person) => !waits(person)).map(row));
  everybody.querySelector(".list").removeAttribute("aria-busy");
  waiting.hidden = !people.some(waits);
  count();
  if (focused !== undefined) focusRow(focused, act);
}

const rank = ({ role }) => ["admin", "user", "suspended"].indexOf(role);

function focusRow(id, act) {
  const row = document.querySelector(`li.entry[data-id="${CSS.escape(id)}"]`);
  if (row && !row.contains(document.activeElement)) (row.querySelector(`[data-act="${act}"]:not([hidden])`) ?? row).focus();
}

function count() {
  const inside = people.filter((person) => person.role !== "suspended").length;
  const words = [inside === 1 ? "One person can sign in" : `${inside} people can sign in`];
  const asking = people.filter(waits).length;
  if (asking) words.push(asking === 1 ? "one waits to be let in" : `${asking} wait to be let in`);
  document.getElementById("counted").textContent = `${words.join(", ")}.`;
}

// ---- a person

function drawPerson(person) {
  const row = made("person", {
    initial: person.name.charAt(0).toUpperCase(),
    name: person.name,
    role: waits(person) ? "" : ROLES[person.role],
    you: person.id === reader ? "You" : "",
    origin: person.plex ? "with Plex" : "with a password",
    email: person.email ?? "",
    seen: waits(person) ? "" : person.seen_at ? `last seen ${ago(person.seen_at)}` : "never signed in",
    why: WHY[person.suspended] ?? "",
  });
  row.dataset.id = person.id;
  row.dataset.role = person.role;
  row.querySelector(".seen").title = person.seen_at ? moment(person.seen_at) : "";
  prefixIds(row, `person-${person.id}-`);
  drawButtons(row, person);
  drawForm(row, person);
  return row;
}

function drawButtons(row, person) {
  const act = (name) => row.querySelector(`[data-act=${name}]`);
  const mayReturn = person.suspended === "access";
  act("admit").hidden = person.role !== "suspended" || mayReturn;
  act("admit").querySelector("span").textContent = waits(person) ? "Let in" : "Let in again";
  act("refuse").hidden = !waits(person) && !mayReturn;
  const [refuse, refused] = mayReturn ? ["Keep out", "stays out"] : ["Refuse", "was refused"];
  act("refuse").textContent = refuse;
  act("change").hidden = waits(person);
  for (const [name, verb] of [["admit", "Let in"], ["refuse", refuse], ["change", "Change"], ["delete", "Delete"]]) {
    act(name).setAttribute("aria-label", `${verb} ${person.name}`);
  }
  act("admit").addEventListener("click", () => change(row, person, act("admit"), { role: "user" }, `${person.name} may come in`));
  act("refuse").addEventListener("click", () => change(row, person, act("refuse"), { role: "suspended" }, `${person.name} ${refused}`));
  act("change").addEventListener("click", () => fold(act("change"), row.querySelector(".editor")));
  act("delete").addEventListener("click", () => remove(row, person, act("delete")));
}

function change(row, person, button, wanted, said) {
  const done = async () => take(await call("PATCH", `users/${encodeURIComponent(person.id)}`, wanted), said);
  return busy(button, done, (problem) => showProblem(row.querySelector(":scope > .problems"), explained(problem)));
}

/** What the server answers stands in the list at once. */
function take(person, said) {
  close(person.id);
  people = people.map((one) => (one.id === person.id ? person : one));
  draw();
  say(said);
}

function close(id) {
  const row = document.querySelector(`li.entry[data-id="${CSS.escape(id)}"]`);
  if (row) fold(row.querySelector("[data-act=change]"), row.querySelector(".editor"), false);
}

function explained(problem) {
  if (problem.code === "last_admin") {
    problem.title = "Somebody has to look after MediaNest";
    problem.detail = "This is the only admin. Make somebody else an admin first.";
    problem.requestId = "";
  }
  return problem;
}

// ---- the form of a person

function drawForm(row, person) {
  const form = row.querySelector(".editor");
  const field = (name) => form.elements.namedItem(name);
  form.dataset.ids = `person-${person.id}-`;
  form.setAttribute("aria-label", `Change ${person.name}`);
  field("role").value = person.role;
  for (const kind of KINDS) field(`may-${kind}`).checked = person.permissions[kind] !== false;
  for (const kind of WITH_QUOTA) field(kind).value = person.quotas[kind] ?? "";
  const suit = () => {
    for (const part of form.querySelectorAll(".for-members")) part.hidden = field("role").value === "admin";
    form.querySelector(".for-admins").hidden = field("role").value !== "admin";
    form.querySelector("[id$=role-hint]").textContent = roleHint(person, field("role").value);
  };
  field("role").addEventListener("change", suit);
  suit();
  onSubmit(form, () => save(person, wantedOf(form, person)), explained);
}

async function save(person, wanted) {
  if (!Object.keys(wanted).length) close(person.id);
  else take(await call("PATCH", `users/${encodeURIComponent(person.id)}`, wanted), `Saved: ${person.name}`);
}

function roleHint(person, role) {
  const only = person.role === "admin" && admins().length === 1;
  if (only) return "The only admin: make somebody else an admin before this one stops being it.";
  if (role === "suspended" && person.role !== "suspended") return "They are signed out everywhere at once, and their tokens are refused.";
  if (role !== person.role && person.id === reader) return "This is you: you are signed out and have to sign in again.";
  if (role !== person.role) return "They are signed out and have to sign in again.";
  return role === "admin" ? "Admins look after MediaNest and see everything." : "";
}

/** Only what was changed: that somebody is an admin already is no change of rights. */
function wantedOf(form, person) {
  const field = (name) => form.elements.namedItem(name);
  const wanted = {};
  if (field("role").value !== person.role) wanted.role = field("role").value;
  if (field("role").value === "admin") return wanted;
  wanted.permissions = Object.fromEntries(KINDS.map((kind) => [kind, field(`may-${kind}`).checked]));
  wanted.quotas = Object.fromEntries(WITH_QUOTA.map((kind) => [kind, field(kind).value === "" ? null : Number(field(kind).value)]));
  return wanted;
}

async function remove(row, person, button) {
  const text = `${person.name} is signed out everywhere, and the account goes with its tokens. What runs for them is cancelled; what was downloaded stays.${
    person.plex ? " Who still has access to the Plex server can sign in again, as somebody new: to keep them out, suspend them." : ""}`;
  if (!(await ask({ title: `Delete ${person.name}?`, text, yes: "Delete for good" }))) return;
  const done = async () => {
    await call("DELETE", `users/${encodeURIComponent(person.id)}`);
    close(person.id);
    people = people.filter((one) => one.id !== person.id);
    draw();
    document.getElementById("main").focus();
    say(`Deleted: ${person.name}`);
  };
  await busy(button, done, (problem) => showProblem(row.querySelector(".editor .problems"), explained(problem)));
}

/** Whether the list may be drawn anew without taking anything out of the reader's hands. */
const idle = () => !document.hidden && !document.querySelector(".editor:not([hidden]), dialog[open]");

setInterval(() => idle() && load(), READ_AGAIN_MS);
document.addEventListener("visibilitychange", () => idle() && load());
load();
