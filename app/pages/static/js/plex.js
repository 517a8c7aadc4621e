/* Signing in with Plex: by going there and coming back, or by a code. The server makes the PIN and asks Plex about it;
   this page asks the server how that stands, and shows one screen for each way it can end. */

import "./gate.js";
import { call, post, Problem } from "./api.js";
import { Poll } from "./poll.js";
import { clearProblem, copy, showProblem } from "./problem.js";
import { busy } from "./submit.js";
import { drawGlyph, duration, say, shortAddress, until, writeOrHide } from "./words.js";

const WANTED = "medianest.wanted"; // the page that was asked for before signing in
const CODE = "medianest.code"; // the code that waits to be typed, should this page be loaded again
const byId = (id) => document.getElementById(id);
const sections = ["choose", "waiting", "over"].map(byId);

const ANOTHER = "To take another account, sign out at app.plex.tv first: Plex remembers who you are.";

/** How it can end, but for getting in. */
const ENDS = {
  expired: {
    glyph: "is-scheduled", title: "The time ran out",
    text: "Plex was not told in time who you are. Nothing is lost: begin once more.", again: "Try again",
  },
  no_access: {
    glyph: "is-cancelled", title: "This account cannot come in",
    text: "MediaNest is open to the people with whom the owner of this Plex server shares it. Ask the owner to share it with you in Plex, then try again.",
    hint: ANOTHER, again: "Try with another account",
  },
  suspended: {
    glyph: "is-paused", title: "Your account is suspended",
    text: "An admin of this MediaNest has put your account on hold. Only an admin can let you in again.",
    hint: ANOTHER, again: "Try with another account",
  },
  approval: {
    glyph: "hourglass", title: "An admin has to let you in",
    text: "Plex knows who you are. Now an admin of this MediaNest has to say yes: you may close this page and come back when they have.",
    again: "Look again",
  },
};

let expires = null; // of the code on the screen

/** Shows one screen; the keyboard and those who listen are taken there. */
function show(id) {
  for (const section of sections) section.hidden = section.id !== id;
  byId(id).querySelector("h1").focus();
}

// ---- beginning

async function begin(button, place, byCode) {
  clearProblem(place);
  const started = await busy(button, () => post(`auth/plex${byCode ? "?link=true" : ""}`), (problem) => showProblem(place, problem));
  if (!started) return;
  sessionStorage.setItem(WANTED, location.href);
  if (byCode) {
    sessionStorage.setItem(CODE, JSON.stringify(started));
    wait();
  } else {
    sessionStorage.removeItem(CODE);
    location.assign(started.auth_url);
  }
}

const toPlex = (button, place) => begin(button, place, false);

// ---- waiting

const poll = new Poll(askServer, (problem) => {
  if (!(problem instanceof Problem)) reportError(problem);
  still("MediaNest does not answer. Still trying…");
});

function wait() {
  showCode();
  still("Asking Plex…");
  show("waiting");
  poll.start();
}

async function askServer(current) {
  const answer = await call("GET", "auth/plex").catch((problem) => {
    if (!(problem.status >= 400 && problem.status < 500 && problem.status !== 429)) throw problem;
    return { state: "expired" }; // this browser has begun nothing, as far as the server knows
  });
  if (!current()) return;
  if (answer.state === "signed_in") enter();
  else if (answer.state === "waiting") still(answer.reason ? `${answer.message} Still trying…` : "Waiting for Plex…");
  else end(answer);
}

function still(text) {
  const line = byId("still");
  if (line.textContent !== text) line.textContent = text;
  tellTime();
}

function showCode() {
  const code = JSON.parse(sessionStorage.getItem(CODE) ?? "null");
  byId("by-code").hidden = !code;
  expires = code?.expires_at ?? null;
  if (!code) return;
  byId("plex-pin").textContent = code.code;
  byId("code-address").href = code.auth_url;
  byId("code-address").textContent = shortAddress(code.auth_url);
  say(`The code is ${[...code.code].join(" ")}`);
}

function tellTime() {
  const left = expires === null ? 0 : until(expires);
  writeOrHide(byId("code-left"), left > 0 ? `It holds for another ${duration(left > 90 ? Math.round(left / 60) * 60 : left)}.` : "");
}

// ---- the ends

function enter() {
  poll.stop();
  const wanted = sessionStorage.getItem(WANTED) ?? document.baseURI;
  for (const name of [WANTED, CODE]) sessionStorage.removeItem(name);
  say("Signed in");
  if (wanted === location.href) location.reload();
  else location.replace(new URL(wanted).origin === location.origin ? wanted : "./");
}

function end({ state, reason }) {
  poll.stop();
  sessionStorage.removeItem(CODE);
  const kind = state === "refused" && reason in ENDS ? reason : state === "refused" ? "no_access" : "expired";
  const { glyph, title, text, hint = "", again } = ENDS[kind];
  byId("over").dataset.kind = kind;
  drawGlyph(byId("over").querySelector(".glyph"), glyph);
  byId("over-title").textContent = title;
  byId("over-text").textContent = text;
  writeOrHide(byId("over-hint"), hint);
  byId("over-again").textContent = again;
  if (byId("over").hidden) show("over");
}

for (const [id, byCode] of [["plex", false], ["plex-code", true]]) {
  byId(id).addEventListener("click", () => begin(byId(id), byId("plex-problems"), byCode));
}

byId("over-again").addEventListener("click", () => toPlex(byId("over-again"), byId("over-problems")));

for (const id of ["stop", "over-back"]) {
  byId(id).addEventListener("click", () => {
    poll.stop();
    sessionStorage.removeItem(CODE);
    show("choose");
  });
}

byId("copy-code").addEventListener("click", () => copy(byId("plex-pin"), byId("copy-code").querySelector("span")));

// who comes back here by the browser's own button finds the page as it was left, while things went on
addEventListener("pageshow", (event) => event.persisted && location.reload());

setInterval(tellTime, 1000);
if (document.body.dataset.returning === "yes") wait();
