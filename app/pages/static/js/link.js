/* Connecting the account one is signed in to with a Plex account: Plex opens beside this page, which waits for it. */

import { get, post } from "./api.js";
import { Poll } from "./poll.js";
import { clearProblem, showProblem } from "./problem.js";
import { busy } from "./submit.js";

const section = document.getElementById("connect");
const part = (name) => section.querySelector(name);

const ENDS = {
  expired: () => ({ title: "That took too long", detail: "Begin once more." }),
  refused: (message) => ({ title: "This Plex account cannot be connected", detail: message }),
};

const poll = new Poll(ask, () => say("MediaNest does not answer. Still trying…"));

function say(text) {
  if (part("[role=status]").textContent !== text) part("[role=status]").textContent = text;
}

async function begin() {
  clearProblem(part(".problems"));
  const started = await busy(part("#connect-plex"), () => post("auth/plex?connect=true"), (problem) => showProblem(part(".problems"), problem));
  if (!started) return;
  part("a").href = started.auth_url;
  wait(true);
  part("a").focus();
  poll.start();
}

function wait(waiting) {
  part("#connect-plex").hidden = waiting;
  part("a").hidden = !waiting;
  say(waiting ? "Waiting for Plex…" : "");
}

async function ask(current) {
  const { state, reason, message } = await get("auth/plex");
  if (!current()) return;
  if (state === "signed_in") location.reload();
  else if (state === "waiting") say(reason ? `${message} Still trying…` : "Waiting for Plex…");
  if (!(state in ENDS)) return;
  poll.stop();
  wait(false);
  showProblem(part(".problems"), ENDS[state](message));
}

part("#connect-plex").addEventListener("click", begin);
