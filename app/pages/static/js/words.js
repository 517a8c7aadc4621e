/* Numbers, times and states in words. */

import { now } from "./api.js";

export const STATES = {
  scheduled: "Scheduled",
  queued: "Waiting its turn",
  running: "Running",
  paused: "Paused",
  succeeded: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
};

export const SERVICE_STATES = { up: "Up", degraded: "Slow", starting: "Starting", down: "Down", unconfigured: "Not set up" };

const NAMES = {
  database: "Database", redis: "Redis", disk: "Disk", plex: "Plex", overseerr: "Overseerr", uptime_kuma: "Uptime Kuma",
  url: "Address", mode: "Video or audio", embed: "Write tags into the file", items: "Which entries",
};

/** `uptime_kuma` -> "Uptime Kuma", `sign_in_required` -> "Sign in required". */
export function named(word) {
  return NAMES[word] ?? capital(String(word).replaceAll("_", " "));
}

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** 1234567 -> "1.2 MB" (decimal units, as the disk's label has them). */
export function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let power = 0;
  let value = count;
  while (value >= 999.5 && power < units.length - 1) {
    value /= 1000;
    power += 1;
  }
  return `${value < 99.95 && power > 0 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

/** 4000 -> "1 h 06 min", 75 -> "1 min 15 s". */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 10) return whole % 60 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${String(minutes % 60).padStart(2, "0")} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long ago a moment (milliseconds or RFC 3339) was. */
export function ago(moment) {
  const seconds = (now() - new Date(moment).getTime()) / 1000;
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`;
  if (seconds < 7 * 86_400) return `${Math.round(seconds / 86_400)} d ago`;
  return new Date(moment).toLocaleDateString();
}

/** The full moment, in the reader's own way of writing it. */
export const moment = (time) => new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** Seconds from now until a moment, not below zero. */
export const until = (time) => Math.max(0, (new Date(time).getTime() - now()) / 1000);

/** An address without what a reader does not need: scheme, www and a long query. */
export function shortAddress(address) {
  const url = webAddress(address);
  if (!url) return String(address);
  const rest = decoded(url.pathname) + (url.search.length > 48 ? `${url.search.slice(0, 48)}…` : url.search);
  return url.host.replace(/^www\./, "") + (rest === "/" ? "" : rest);
}

function decoded(path) {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

/** The URL if it is one that a browser may open, otherwise null. */
export function webAddress(text) {
  try {
    const url = new URL(String(text).trim());
    return url.protocol === "http:" || url.protocol === "https:" ? url : null;
  } catch {
    return null;
  }
}

/** Says a milestone to those who listen instead of look. */
export function say(text) {
  const line = document.getElementById("said");
  line.textContent = "";
  requestAnimationFrame(() => (line.textContent = text));
}

/** Writes text only where it changed, so that nothing is laid out or read out again for nothing. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows `element` with this text, or hides it when there is none. */
export function writeOrHide(element, text) {
  element.hidden = !text;
  write(element, text || "");
}

export function drawGlyph(svg, name) {
  const use = svg.querySelector("use");
  if (use.getAttribute("href") !== `#${name}`) use.setAttribute("href", `#${name}`);
}
