/* What stands behind "Details": the facts of a job and its history. */

import { get } from "./api.js";
import { bytes, duration, moment, named } from "./words.js";

const LONG_FACT = 32; // letters

/** The facts of a job as pairs of term and text. */
export function factsOf(job) {
  const { params = {}, result } = job;
  const facts = [["Number", job.id], ["Asked for", moment(job.created_at)], ["Address", params.url]];
  for (const [name, value] of Object.entries(params)) {
    if (name !== "url") facts.push([named(name), paramFact(value)]);
  }
  if (job.attempt > 1) facts.push(["Runs", String(job.attempt)]);
  if (job.finished_at && job.started_at) facts.push(["Took", duration(seconds(job.started_at, job.finished_at))]);
  facts.push(["By", result?.uploader], ["Length", result?.duration && duration(result.duration)]);
  for (const [name, found] of Object.entries(result?.services ?? {})) facts.push([named(name), serviceFact(found)]);
  for (const file of result?.files ?? []) facts.push(["File", `${file.path} (${bytes(file.bytes)})`]);
  return facts.filter(([, value]) => value).map(fact);
}

function paramFact(value) {
  if (typeof value === "boolean") return value ? "Yes" : "";
  return Array.isArray(value) ? value.join(", ") : String(value ?? "");
}

const seconds = (from, to) => (new Date(to) - new Date(from)) / 1000;

const serviceFact = ({ state, latency_ms: latency }) => (latency == null ? state : `${state}, ${Math.round(latency)} ms`);

/** Reads what happened to a job and lists it, the oldest first. */
export async function showHistory(list, id) {
  try {
    const { items } = await get(`jobs/${encodeURIComponent(id)}/events?limit=200`);
    list.replaceChildren(...items.map(historyLine));
  } catch (problem) {
    const line = document.createElement("li");
    line.textContent = problem.message;
    list.replaceChildren(line);
  }
  list.removeAttribute("aria-busy");
}

function fact([name, value]) {
  const pair = document.createElement("div");
  if (value.length > LONG_FACT) pair.className = "long";
  const term = document.createElement("dt");
  const text = document.createElement("dd");
  term.textContent = name;
  text.textContent = value;
  pair.append(term, text);
  return pair;
}

const EVENTS = {
  submitted: "Asked for", started: "A worker took it", succeeded: "Done", failed: "Failed", due: "Due now", resume: "Asked to go on",
  rescued: "Rescued: its worker was gone", alone: "Runs alone from now on", snoozed: "Put off",
  split: "Its entries are known", reopened: "Goes on: an entry was begun again", held: "Cannot go on here now",
};

/** What happened, in words; some events mean different things in different states. */
function eventWord({ event, state, detail }) {
  if (event === "retry") return detail?.error ? "Failed, to be tried again" : "Asked to try again";
  if (event === "cancel") return state === "cancelled" ? "Cancelled" : "Asked to cancel";
  if (event === "pause") return state === "paused" ? "Paused" : "Asked to pause";
  if (event === "waiting") return detail?.waiting ? "Waits" : "May run again";
  if (event === "released") return { cancelled: "Cancelled", paused: "Paused" }[state] ?? "Handed back by its worker";
  return EVENTS[event] ?? named(event);
}

function historyLine(event) {
  const line = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = event.at;
  time.textContent = new Date(event.at).toLocaleTimeString();
  time.title = moment(event.at);
  const text = document.createElement("span");
  const why = event.detail?.error?.message ?? event.detail?.waiting?.message ?? event.detail?.message ?? "";
  text.textContent = `${eventWord(event)}${why ? `: ${why}` : ""}`;
  const run = document.createElement("span");
  run.className = "soft";
  run.textContent = event.attempt > 0 ? `run ${event.attempt}` : "";
  line.append(time, text, run);
  return line;
}
