/* What the audit log says, in plain words. */

import { named } from "./words.js";

/** The groups that one can choose, by what an action begins with. */
export const GROUPS = {
  auth: "Signing in and out", access: "Refused requests", user: "People", session: "Sessions ended", token: "Personal tokens",
  service: "Services", queue: "Queues", download: "Deleted downloads", cookies: "Lent cookies", secrets: "Keys of the installation",
};

const ICONS = {
  auth: "door", access: "is-failed", user: "people", session: "browser", token: "key", service: "plug", queue: "record",
  download: "do-delete", cookies: "file", secrets: "key",
};

const WORDS = {
  "auth.setup": "Set MediaNest up", "auth.setup_failed": "Entered a wrong setup code",
  "auth.login": "Signed in with a password", "auth.login_failed": "Entered a wrong name or password", "auth.logout": "Signed out",
  "auth.plex": "Signed in with Plex", "auth.plex_refused": "Was not let in after signing in with Plex", "auth.limited": "Tried too often",
  "access.refused": "Was refused", "user.created": "New account:", "user.changed": "Changed the account of",
  "user.deleted": "Deleted the account of", "user.access_lost": "Lost the access to the Plex server:", "session.revoked": "Signed out a browser",
  "token.created": "Made the token", "token.revoked": "Revoked the token", "service.changed": "Changed the service",
  "service.tested": "Tried out the service", "queue.changed": "Changed the queue",
  "download.deleted": "Deleted the download", "cookies.stored": "Lent cookies for", "cookies.forgotten": "Took back the cookies for",
  "secrets.rotated": "Changed the key of the installation", "secrets.forgotten": "Forgot what no key opens any more",
};

const groupOf = (action) => action.split(".")[0];

export const isTrouble = (action) => /_failed$|refused$|limited$|access_lost$/.test(action);

export const iconOf = (action) => (isTrouble(action) ? "is-failed" : (ICONS[groupOf(action)] ?? "record"));

export const actionInWords = (action) => WORDS[action] ?? named(action.replaceAll(".", " "));

/** {"reason": "no_access", "plex_id": 7} -> "Reason: no access · Plex id: 7"; what stands in the line already is left out. */
export function detailInWords(detail, target) {
  return Object.entries(detail ?? {})
    .filter(([, value]) => value !== null && value !== "" && value !== target)
    .map(([name, value]) => `${named(name)}: ${valueInWords(value)}`)
    .join(" · ");
}

function valueInWords(value) {
  if (Array.isArray(value)) return value.map(valueInWords).join(", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (value === null) return "none";
  if (typeof value !== "object") return /^[a-z]+(_[a-z]+)+$/.test(value) ? value.replaceAll("_", " ") : String(value);
  return Object.entries(value).map(([name, inner]) => `${name} ${valueInWords(inner)}`).join(", ");
}
