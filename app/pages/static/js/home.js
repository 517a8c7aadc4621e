/* Home: brings the form, the services, the jobs and the live feed together. */

import "./header.js";
import { get, post, Problem, randomKey, sessionEnded } from "./api.js";
import { SchemaForm } from "./forms.js";
import { JobList } from "./jobs.js";
import { Live } from "./live.js";
import { clearFields, clearProblem, showFields, showProblem } from "./problem.js";
import { Quota } from "./quota.js";
import { Services } from "./services.js";
import { ago, drawGlyph, say, shortAddress, webAddress } from "./words.js";

const HELLO_PATIENCE_MS = 300;
const WORTH_SAYING_MS = 45_000;
const READ_AGAIN_MS = 5000;
const byId = (id) => document.getElementById(id);
const reader = { id: document.body.dataset.userId, admin: document.body.dataset.admin === "yes" };
const form = byId("download");
const field = byId("url");
const problems = form.querySelector(".problems");

let schemaForm = null;
let asOf = Date.now();
let readTimer = 0;

const services = new Services();
const quota = new Quota(byId("quota"));
const jobs = new JobList(reader, { percent: titlePercent, showAll: () => choose({ show: "all" }) });

// ---- the form

function drawForm(schema) {
  const front = byId("choices");
  schemaForm = new SchemaForm(schema, { front, options: byId("options"), given: ["url"] });
  if (!schemaForm.hasOptions) return;
  const toggle = byId("options-toggle-template").content.firstElementChild.cloneNode(true);
  toggle.addEventListener("click", () => {
    byId("options").hidden = !byId("options").hidden;
    toggle.setAttribute("aria-expanded", String(!byId("options").hidden));
  });
  front.append(toggle);
}

/** An admin has taken the permission to download. */
function forbid() {
  byId("choices").replaceChildren();
  form.parentElement.querySelector(".lead").textContent = "An admin does not let you download videos.";
  for (const element of [field, form.querySelector("[type=submit]")]) element.disabled = true;
}

function fill(address) {
  field.value = address;
  field.focus();
  clearFields(form);
  say("Address filled in. Press Enter to start the download.");
}

async function submit(event) {
  event.preventDefault();
  clearProblem(problems);
  clearFields(form);
  const address = webAddress(field.value);
  if (!address) {
    const wrong = "This is not a web address: it begins with https:// or http://.";
    showFields(form, { fields: { url: field.value.trim() ? wrong : "Paste an address first." } });
    return;
  }
  const button = form.querySelector("[type=submit]");
  if (button.getAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  try {
    const params = { url: field.value.trim(), ...(schemaForm?.values() ?? {}) };
    await welcome(await post("jobs", { kind: "download", params }, { "Idempotency-Key": randomKey() }));
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    const placed = showFields(form, problem);
    if (!placed || Object.keys(problem.elsewhere).length || !problem.fields.url) showProblem(problems, problem);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

async function welcome(job) {
  field.value = "";
  field.focus();
  say(`Added: ${shortAddress(job.params.url)}`);
  quota.load().catch(() => {});
  await jobs.welcome(job);
}

form.addEventListener("submit", submit);

document.addEventListener("paste", (event) => {
  if (event.target.closest?.("input, select, textarea")) return;
  const address = webAddress(event.clipboardData?.getData("text") ?? "");
  if (!address) return;
  event.preventDefault();
  fill(address.href);
});

// ---- keys

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented) escape(event.target);
  const typing = event.target.closest("input:not([type=radio], [type=checkbox]), select, textarea");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  field.focus();
  field.select();
});

/** Closes the innermost thing that is open around the keyboard's place. */
function escape(target) {
  const open = openAround(target);
  if (open) {
    open.click();
    open.focus();
  } else if (byId("options").contains(target)) {
    form.querySelector(".options-toggle").click();
    form.querySelector(".options-toggle").focus();
  } else if (target === field) {
    field.value = "";
    clearFields(form);
    clearProblem(problems);
  }
}

/** The button that would close what is open in a job, or in the playlist around it. */
function openAround(target) {
  const job = target.closest(".job");
  return job && (job.querySelector("[aria-expanded=true]") ?? openAround(job.parentElement));
}

// ---- what the list shows; it stands in the address, so that Back works

function viewOf(search) {
  const wanted = new URLSearchParams(search);
  const show = ["all", "active", "done", "failed"].includes(wanted.get("show")) ? wanted.get("show") : "all";
  const who = !reader.admin || wanted.get("who") === "mine" ? "mine" : "everyone";
  return { show, who };
}

function pressChips({ show, who }) {
  for (const chip of document.querySelectorAll(".chip")) {
    chip.setAttribute("aria-pressed", String(chip.dataset.show === show || chip.dataset.who === who));
  }
}

async function choose(part) {
  const view = { ...jobs.view, ...part };
  const search = new URLSearchParams();
  if (view.show !== "all") search.set("show", view.show);
  if (reader.admin && view.who === "mine") search.set("who", "mine");
  history.pushState(null, "", search.size ? `?${search}` : location.pathname);
  pressChips(view);
  await jobs.show(view).catch(() => {});
}

for (const chip of document.querySelectorAll(".chip")) {
  chip.addEventListener("click", () => choose(chip.dataset.show ? { show: chip.dataset.show } : { who: chip.dataset.who }));
}

addEventListener("popstate", () => {
  pressChips(viewOf(location.search));
  jobs.show(viewOf(location.search)).catch(() => {});
});

// ---- live

const STATUS = {
  live: ["Live", "Live again"],
  reconnecting: ["Reconnecting…", "Connection lost, reconnecting"],
  offline: ["Offline", "Offline"],
};

function showStatus(status) {
  const chip = byId("connection");
  chip.dataset.state = status;
  drawGlyph(chip.querySelector("svg"), `is-${status}`);
  chip.querySelector(".connection-word").textContent = STATUS[status][0];
  document.body.classList.toggle("stale", status !== "live");
  showAge();
}

function showAge() {
  const age = byId("connection").querySelector(".as-of");
  age.hidden = live.status === "live" || Date.now() - asOf < WORTH_SAYING_MS;
  age.textContent = age.hidden ? "" : `as of ${ago(asOf)}`;
}

async function readAll() {
  clearTimeout(readTimer);
  const reads = await Promise.allSettled([jobs.load(), services.load(), quota.load()]);
  const failed = reads.find((one) => one.status === "rejected");
  if (failed && !(failed.reason instanceof Problem)) reportError(failed.reason);
  if (!failed) asOf = Date.now();
  else if (live.status === "live") readTimer = setTimeout(readAll, (failed.reason.retryAfter ?? 0) * 1000 || READ_AGAIN_MS);
  if (!schemaForm) await readKinds();
}

let read = false; // has REST been read since the feed said hello?
let greeted = () => {};
const hello = new Promise((resolve) => (greeted = resolve));

const live = new Live({
  frame: (frame) => {
    asOf = Date.now();
    if (frame.type === "job") jobs.take(frame.job);
    if (frame.type === "service") services.take(frame.service);
  },
  status: (status) => {
    if (status !== "live" || read) say(STATUS[status][1]);
    showStatus(status);
  },
  hello: (first) => {
    asOf = Date.now();
    greeted();
    if (first && read) readAll();
  },
  reset: readAll,
  retry: readAll,
  ended: sessionEnded,
});

function titlePercent(percent) {
  document.title = percent === null ? "MediaNest" : `(${percent}%) MediaNest`;
}

async function readKinds() {
  try {
    const { items } = await get("kinds");
    jobs.know(items.map((kind) => ({ ...kind, routine: Boolean(kind.every) })));
    const download = items.find((kind) => kind.name === "download");
    if (download?.allowed === false) forbid();
    else if (download) drawForm(download.params);
  } catch {
    byId("choices").replaceChildren(); // an address alone is a download, too; read again later
  }
}

async function start() {
  jobs.view = viewOf(location.search);
  pressChips(jobs.view);
  live.open();
  await Promise.all([readKinds(), Promise.race([hello, new Promise((resolve) => setTimeout(resolve, HELLO_PATIENCE_MS))])]);
  read = true;
  await readAll();
}

setInterval(() => {
  if (document.hidden) return;
  jobs.tick();
  services.tick();
  quota.tick();
  showAge();
}, 1000);

start();
