/* One's own account: what one may do, where one is signed in, one's tokens. */

import "./header.js";
import { agentInWords, isHandheld } from "./agents.js";
import { call, get, now, post, Problem } from "./api.js";
import { ask } from "./ask.js";
import { fold, Listing, made } from "./listing.js";
import { clearProblem, copy, showProblem } from "./problem.js";
import { busy, onSubmit } from "./submit.js";
import { ago, drawGlyph, duration, moment, named, say, until } from "./words.js";

const DAY_MS = 86_400_000;
const MOST = 200; // on one page of a list
const byId = (id) => document.getElementById(id);

// ---- what one may do

const RIGHTS = { download: "Download videos", request: "Ask for films and series", scan: "Start scans of the library" };

function quotaWords(quota) {
  if (!quota) return "";
  if (!quota.limit) return "· any number";
  const left = Math.max(0, quota.limit - quota.used);
  const wait = left === 0 && quota.resets_at ? `, the next one in ${duration(until(quota.resets_at))}` : "";
  return `· ${left} of ${quota.limit} left this hour${wait}`;
}

async function loadRights() {
  const section = byId("rights");
  try {
    const { permissions = {}, quotas = {} } = await get("me");
    clearProblem(section.querySelector(".problems"));
    const rows = Object.entries(permissions).map(([kind, allowed]) => drawRight(kind, allowed, quotas[kind]));
    section.querySelector(".list").replaceChildren(...rows);
    section.querySelector(".list").removeAttribute("aria-busy");
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    section.querySelector(".list").replaceChildren();
    if (problem.status !== 401) showProblem(section.querySelector(".problems"), problem, loadRights);
  }
}

function drawRight(kind, allowed, quota) {
  const word = RIGHTS[kind] ?? named(kind);
  const row = made("right", { "right-word": allowed ? word : `${word}: not allowed`, "right-left": allowed ? quotaWords(quota) : "· ask an admin" });
  drawGlyph(row.querySelector(".glyph"), allowed ? "is-up" : "is-cancelled");
  row.dataset.allowed = allowed ? "yes" : "no";
  return row;
}

// ---- where one is signed in

const sessions = new Listing(byId("sessions"), {
  path: (cursor) => `me/sessions?limit=${MOST}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`,
  draw: drawSession,
  loaded: (items) => (byId("end-others").hidden = items.filter((session) => !session.current).length === 0),
});

function drawSession(session) {
  const row = made("session", {
    agent: agentInWords(session.agent),
    here: session.current ? "This browser" : "",
    from: session.address,
    seen: session.current ? "" : `last seen ${ago(session.seen_at)}`,
    since: `signed in ${ago(session.created_at)}`,
  });
  if (isHandheld(session.agent)) drawGlyph(row.querySelector(".glyph"), "phone");
  row.querySelector(".agent").title = session.agent;
  row.querySelector(".since").title = moment(session.created_at);
  const button = row.querySelector("[data-act=end]");
  button.hidden = session.current; // the account's menu is for that
  button.setAttribute("aria-label", `Sign out: ${agentInWords(session.agent)}`);
  button.addEventListener("click", () => endSession(session, row, button));
  return row;
}

function endSession(session, row, button) {
  const done = async () => {
    await call("DELETE", `me/sessions/${encodeURIComponent(session.id)}`);
    sessions.drop(session.id);
    say("Signed out there");
  };
  return busy(button, done, (problem) => {
    if (problem.status === 404) sessions.drop(session.id); // it had ended by itself
    else showProblem(row.querySelector(".problems"), problem);
  });
}

byId("end-others").addEventListener("click", async () => {
  const text = "Every other browser and phone has to sign in again. This one stays signed in.";
  if (!(await ask({ title: "Sign out everywhere else?", text, yes: "Sign out everywhere else", no: "Cancel" }))) return;
  await busy(byId("end-others"), () => call("DELETE", "me/sessions"), (problem) => showProblem(sessions.problems, problem));
  await sessions.load();
  say("Signed out everywhere else");
});

// ---- tokens

const SCOPES = { read: "look", jobs: "work for you", admin: "act as admin" };

const tokens = new Listing(byId("tokens"), {
  path: (cursor) => `me/tokens?limit=${MOST}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`,
  draw: drawToken,
});

function expiryWords(expires) {
  if (!expires) return "does not expire";
  return until(expires) > 0 ? `expires ${new Date(expires).toLocaleDateString()}` : "has expired";
}

function drawToken(token) {
  const row = made("token", {
    label: token.label,
    "scopes-line": `may ${Object.keys(SCOPES).filter((scope) => token.scopes.includes(scope)).map((scope) => SCOPES[scope]).join(", ")}`,
    expiry: expiryWords(token.expires_at),
    used: token.used_at ? `last used ${ago(token.used_at)}` : "never used",
  });
  row.querySelector(".expiry").title = token.expires_at ? moment(token.expires_at) : "";
  const button = row.querySelector("[data-act=revoke]");
  button.setAttribute("aria-label", `Revoke ${token.label}`);
  button.addEventListener("click", () => revoke(token, row, button));
  return row;
}

async function revoke(token, row, button) {
  const text = "Whatever uses it is refused from now on. This cannot be undone.";
  if (!(await ask({ title: `Revoke “${token.label}”?`, text, yes: "Revoke" }))) return;
  const done = async () => {
    await call("DELETE", `me/tokens/${encodeURIComponent(token.id)}`);
    tokens.drop(token.id);
    say("Revoked");
  };
  await busy(button, done, (problem) => showProblem(row.querySelector(".problems"), problem));
}

const form = byId("make-token");

function openForm(open) {
  fold(byId("new-token"), form, open);
  if (open) form.elements.namedItem("label").focus();
}

function wantedToken() {
  const days = Number(form.elements.namedItem("expires_at").value);
  return {
    label: form.elements.namedItem("label").value.trim(),
    scopes: [...form.querySelectorAll("[name=scopes]:checked")].map((box) => box.value),
    expires_at: days ? new Date(now() + days * DAY_MS).toISOString() : null,
  };
}

async function make() {
  const wanted = wantedToken();
  if (!wanted.scopes.length) throw new Problem(422, { title: "Choose at least one thing that it may do" });
  const { token, ...item } = await post("me/tokens", wanted);
  form.reset();
  openForm(false);
  tokens.items.unshift(item);
  tokens.show();
  const fresh = byId("fresh-token");
  fresh.querySelector("code").textContent = token;
  fresh.hidden = false;
  fresh.focus();
}

onSubmit(form, make);
byId("new-token").addEventListener("click", () => openForm(form.hidden));
byId("fresh-token").querySelector(".copy").addEventListener("click", () => {
  copy(byId("fresh-token").querySelector("code"), byId("fresh-token").querySelector(".copy span"));
});
byId("hide-token").addEventListener("click", () => {
  byId("fresh-token").querySelector("code").textContent = "";
  byId("fresh-token").hidden = true;
  byId("new-token").focus();
});

if (byId("connect")) import("./link.js");
loadRights();
sessions.load();
tokens.load();
