/* The services page: how each is reached, tried out before it is saved, and how it is, as on the home page. */

import "./header.js";
import { call, get, post, Problem, sessionEnded } from "./api.js";
import { ask } from "./ask.js";
import { Live } from "./live.js";
import { clearProblem, showProblem } from "./problem.js";
import { drawService } from "./services.js";
import { busy, clearFailure, onSubmit, showFailure } from "./submit.js";
import { capital, drawGlyph, named, say, writeOrHide } from "./words.js";

const STORED = "Stored. Leave empty to keep it.";
const problems = document.getElementById("services-problems");

class Card {
  constructor(section) {
    this.section = section;
    this.name = section.dataset.name;
    this.path = `services/${this.name}`;
    this.form = section.querySelector("form");
    this.result = section.querySelector(".result");
    this.url = this.form.elements.namedItem("url");
    this.secret = this.form.elements.namedItem(section.dataset.secret);
    this.service = null;
    this.act("test").addEventListener("click", () => this.test());
    this.act("disconnect").addEventListener("click", () => this.disconnect());
    for (const input of [this.url, this.secret]) input.addEventListener("input", () => (this.result.hidden = true));
    onSubmit(this.form, () => this.save());
  }

  act = (name) => this.form.querySelector(`[data-act=${name}]`);

  /** From the feed comes only how it is; what an admin may know of its settings comes from REST. */
  take(service) {
    const before = this.service;
    this.service = service;
    drawService(this.section, service);
    if (before && before.state !== service.state) say(`${named(this.name)}: ${this.section.querySelector(".service-state").textContent}`);
    if (service.url === undefined) return;
    if (!this.touched) this.url.value = this.url.defaultValue = service.url ?? "";
    this.secret.placeholder = service.has_secret ? STORED : "";
    this.act("disconnect").hidden = !service.url;
  }

  get touched() {
    return document.activeElement === this.url || this.url.value !== this.url.defaultValue;
  }

  /** What stands in the form; a secret that was left alone is not sent. */
  wanted() {
    const wanted = { url: this.url.value.trim() };
    if (this.secret.value) wanted[this.secret.name] = this.secret.value.trim();
    return wanted;
  }

  async save() {
    this.settle(await call("PUT", this.path, this.wanted()));
    if (this.name === "plex") goOn();
    await this.test("Saved. ");
  }

  /** The form shows what is stored now. */
  settle(service) {
    this.secret.value = "";
    this.url.value = this.url.defaultValue = service.url ?? "";
    this.take(service);
  }

  /** Tries out what stands in the form; `before` is said before what was found. */
  async test(before = "") {
    clearFailure(this.form);
    if (!this.url.value.trim()) {
      showFailure(this.form, { status: 422, fields: { url: "Enter the address first." } });
      return;
    }
    this.result.hidden = true;
    const found = await busy(this.act("test"), () => post(`${this.path}/test`, this.wanted()), (problem) => showFailure(this.form, problem));
    if (found) this.tell({ glyph: found.ok ? "is-up" : `is-${found.state}`, ok: found.ok, text: before + foundWords(found), advice: found.advice });
  }

  tell({ glyph, text, advice = "", ok = true }) {
    drawGlyph(this.result.querySelector(".glyph"), glyph);
    writeOrHide(this.result.querySelector(".result-text"), text);
    writeOrHide(this.result.querySelector(".result-advice"), advice);
    this.result.dataset.ok = ok ? "yes" : "no";
    this.result.hidden = false;
  }

  async disconnect() {
    const title = `Disconnect ${named(this.name)}?`;
    const text = this.name === "plex"
      ? "Nobody can sign in with Plex until it is connected again; who is signed in stays so. The stored token is forgotten."
      : "The stored key is forgotten. What needs this service waits until it is connected again.";
    if (!(await ask({ title, text, yes: "Disconnect" }))) return;
    clearFailure(this.form);
    this.result.hidden = true;
    const service = await busy(this.act("disconnect"), () => call("PUT", this.path, { url: null }), (problem) => showFailure(this.form, problem));
    if (!service) return;
    this.settle(service);
    this.url.focus();
    say(`Disconnected: ${named(this.name)}`);
  }
}

function foundWords({ ok, message, server, latency_ms: latency }) {
  if (!ok) return capital(message || "It does not work.");
  const who = server ? [server.name, server.version && `version ${server.version}`].filter(Boolean).join(", ") : "It answers";
  return `It works: ${who}${latency == null ? "" : `, in ${Math.max(1, Math.round(latency))} ms`}.`;
}

/** The way on from the welcome, once Plex is connected. */
function goOn() {
  const link = document.querySelector("#welcome a");
  if (!link) return;
  link.textContent = "Go on to MediaNest";
  link.classList.add("primary");
}

const cards = new Map([...document.querySelectorAll(".card")].map((section) => [section.dataset.name, new Card(section)]));

async function load() {
  try {
    const { items } = await get("services");
    clearProblem(problems);
    for (const service of items) cards.get(service.name)?.take(service);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status !== 401) showProblem(problems, problem, load);
  }
}

new Live({
  frame: ({ type, service }) => type === "service" && cards.get(service.name)?.take({ ...service, url: undefined }),
  status: () => {},
  hello: (first) => first || load(),
  reset: load,
  retry: load,
  ended: sessionEnded,
}).open();

// the welcome is said once: loaded again, this is the page as ever
if (location.search) history.replaceState(null, "", location.pathname);
load();
