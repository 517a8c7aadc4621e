/* The strip of services: how each is, in word, colour and shape. */

import { get, now } from "./api.js";
import { capital, drawGlyph, named, say, SERVICE_STATES, write, writeOrHide } from "./words.js";

export class Services {
  constructor() {
    this.list = document.getElementById("services");
    this.known = new Map();
  }

  async load() {
    const { items } = await get("services");
    for (const element of this.list.querySelectorAll(".skeleton")) element.remove();
    this.list.removeAttribute("aria-busy");
    for (const service of items) this.take(service, { quiet: true });
  }

  take(service, { quiet = false } = {}) {
    const known = this.known.get(service.name) ?? this.make(service.name);
    const changed = known.service && known.service.state !== service.state;
    known.service = service;
    drawService(known.element, service);
    if (changed && !quiet) say(`${named(service.name)}: ${stateWord(service)}`);
  }

  make(name) {
    const element = document.getElementById("service-template").content.firstElementChild.cloneNode(true);
    element.dataset.name = name;
    const known = { element, service: null };
    this.known.set(name, known);
    this.list.append(element);
    return known;
  }

  tick() {
    for (const known of this.known.values()) if (known.service) drawService(known.element, known.service);
  }
}

/** Writes how a service is into an element that has a place for each part of it. */
export function drawService(element, service) {
  const { name, state, latency_ms: latency, message, since } = service;
  element.dataset.state = state;
  drawGlyph(element.querySelector(".glyph"), `is-${state}`);
  write(element.querySelector(".service-name"), service.title ?? named(name));
  write(element.querySelector(".service-state"), stateWord(service));
  const unwell = state === "down" || state === "degraded" || state === "starting";
  const lasting = since ? `for ${spell((now() - new Date(since).getTime()) / 1000)}` : "";
  write(element.querySelector(".service-latency"), unwell ? lasting : latency == null ? "" : inMilliseconds(latency));
  writeOrHide(element.querySelector(".service-why"), unwell && message ? capital(message) : "");
}

const inMilliseconds = (latency) => `${latency < 10 ? latency.toFixed(1) : Math.round(latency)} ms`;

function stateWord({ state, checked_at: checked }) {
  if (state === "starting" && checked === null) return "Not checked yet";
  return SERVICE_STATES[state] ?? capital(state);
}

/** How long it lasts, coarsely: it is read, not watched. */
function spell(seconds) {
  if (seconds < 60) return "a moment";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
