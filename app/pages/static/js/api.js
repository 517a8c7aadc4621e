/* The REST API: one function to call it, one error that carries what the server says in words. */

const root = new URL("api/v1/", document.baseURI); // relative: works below any path of a proxy
const PATIENCE_MS = 20_000;
let skew = 0; // server clock minus ours, so that countdowns are right on a device with a wrong clock
let whenEnded = () => {};

/** What went wrong: `title` and `detail` in words, `fields` {name: message}, `requestId`, `retryAfter` in seconds. */
export class Problem extends Error {
  constructor(status, body = {}, retryAfter = null) {
    super(body.detail || body.title || "Something went wrong.");
    this.status = status;
    this.code = body.code ?? "";
    this.title = body.title || "That did not work";
    this.detail = body.detail ?? "";
    this.requestId = body.request_id ?? "";
    this.fields = fieldsOf(body.errors);
    this.retryAfter = retryAfter;
  }
}

function fieldsOf(errors) {
  const fields = {};
  for (const error of Array.isArray(errors) ? errors : []) {
    const where = error.field ?? error.name ?? error.pointer ?? error.loc ?? "";
    const name = (Array.isArray(where) ? where : String(where).split(/[./]/)).filter((part) => !/^\d*$/.test(part)).at(-1);
    if (name) fields[name] ??= error.message ?? error.detail ?? error.msg ?? "Not right.";
  }
  return fields;
}

/** Milliseconds since 1970 by the server's clock. */
export const now = () => Date.now() + skew;

/** Calls `done` when the server says that nobody is signed in any more. */
export function onSessionEnd(done) {
  whenEnded = done;
}

export const sessionEnded = () => whenEnded();

/** A word nobody guesses twice; `crypto.randomUUID` exists on https only. */
export function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function reach(method, path, body, headers) {
  const options = { method, headers: { Accept: "application/json", ...headers }, signal: AbortSignal.timeout(PATIENCE_MS) };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  try {
    return await fetch(new URL(path, root), options);
  } catch {
    throw new Problem(0, { title: "MediaNest cannot be reached", detail: "Check the connection, then try again." });
  }
}

/** Sends one request and returns the JSON of the answer (or null); throws a Problem. */
export async function call(method, path, body, headers = {}) {
  const response = await reach(method, path, body, headers);
  const date = Date.parse(response.headers.get("Date") ?? "");
  if (!Number.isNaN(date) && Math.abs(date - Date.now()) > 2000) skew = date - Date.now();
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  if (response.status === 401 && !path.startsWith("auth/")) whenEnded();
  throw new Problem(response.status, answer ?? { title: "MediaNest gave an answer that makes no sense" }, waitOf(response));
}

function waitOf(response) {
  const value = response.headers.get("Retry-After");
  if (!value) return null;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : null;
}

export const get = (path) => call("GET", path);
export const post = (path, body, headers) => call("POST", path, body, headers);
