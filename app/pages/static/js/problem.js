/* Errors on the screen: what happened, what to do, and an id to quote. */

import { capital, duration, named, say } from "./words.js";

/** Shows a Problem inside `place` (an element of class "problems"), instead of an older one; `again` tries once more. */
export function showProblem(place, problem, again = null) {
  const box = document.getElementById("problem-template").content.firstElementChild.cloneNode(true);
  box.querySelector(".problem-title").textContent = problem.title ?? "That did not work";
  box.querySelector(".problem-detail").textContent = detailOf(problem);
  if (problem.requestId) {
    const line = box.querySelector(".problem-id");
    line.hidden = false;
    line.querySelector("code").textContent = problem.requestId;
    const [code, button] = [line.querySelector("code"), line.querySelector(".copy")];
    button.addEventListener("click", () => copy(code, button.querySelector("span")));
  }
  if (again) box.querySelector(".problem-text").append(tryAgain(again));
  place.replaceChildren(box);
}

function tryAgain(again) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "button small again", textContent: "Try again" });
  button.addEventListener("click", again);
  return button;
}

export const clearProblem = (place) => place.replaceChildren();

function detailOf(problem) {
  const parts = [problem.detail];
  const others = Object.entries(problem.elsewhere ?? {});
  for (const [name, message] of others) parts.push(`${named(name)}: ${message}`);
  if (problem.retryAfter) parts.push(`Try again in ${duration(problem.retryAfter)}.`);
  return parts.filter(Boolean).join(" ");
}

/** Writes each field's message below the field; keeps those without a field in `problem.elsewhere`.

    A form of which there are several on a page says in `data-ids` what the ids in it begin with. */
export function showFields(form, problem) {
  clearFields(form);
  problem.elsewhere = {};
  let first = null;
  for (const [name, message] of Object.entries(problem.fields ?? {})) {
    const field = form.elements.namedItem(name);
    const line = document.getElementById(`${form.dataset.ids ?? ""}${name}-wrong`);
    if (!field || !line) {
      problem.elsewhere[name] = message;
      continue;
    }
    line.textContent = capital(message);
    line.hidden = false;
    if (field.setAttribute) field.setAttribute("aria-invalid", "true");
    first ??= field.focus ? field : null;
  }
  first?.closest("[hidden]")?.removeAttribute("hidden");
  first?.focus();
  return first !== null;
}

export function clearFields(form) {
  for (const line of form.querySelectorAll(".wrong")) line.hidden = true;
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

/** Copies what an element says; `label` is told so. */
export async function copy(source, label) {
  try {
    await navigator.clipboard.writeText(source.textContent); // exists on https and localhost only
  } catch {
    const range = document.createRange();
    range.selectNodeContents(source);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    document.execCommand("copy");
  }
  label.textContent = "Copied";
  say("Copied");
  setTimeout(() => (label.textContent = "Copy"), 2000);
}
