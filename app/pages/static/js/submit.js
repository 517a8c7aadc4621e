/* Sending a form, and whatever else a button sets off: busy while it lasts, what goes wrong is said where it was asked for. */

import { Problem } from "./api.js";
import { clearFields, clearProblem, showFields, showProblem } from "./problem.js";

/** Does `act` for a button that is busy meanwhile; `failed` is told of a Problem. What `act` gives, null if it failed. */
export async function busy(button, act, failed) {
  if (button.getAttribute("aria-busy")) return null;
  button.setAttribute("aria-busy", "true");
  try {
    return await act();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    failed(problem);
    return null;
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** Does `act` when a form is sent with all it needs. `inWords(problem)` may say it better than the server does. */
export function onSubmit(form, act, inWords = () => {}) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const fields = missingIn(form);
    clearFailure(form);
    if (Object.keys(fields).length) showFields(form, { fields });
    else busy(form.querySelector("[type=submit]"), act, (problem) => showFailure(form, problem, inWords));
  });
  for (const button of form.querySelectorAll(".reveal")) button.addEventListener("click", () => reveal(button));
}

export function clearFailure(form) {
  clearProblem(form.querySelector(".problems"));
  clearFields(form);
}

/** Says at the fields what is wrong with them, and above them what is about more than fields. */
export function showFailure(form, problem, inWords = () => {}) {
  inWords(problem);
  const placed = showFields(form, problem);
  const aboutFields = problem.status === 422 && placed && !Object.keys(problem.elsewhere).length;
  if (!aboutFields) showProblem(form.querySelector(".problems"), problem);
}

function missingIn(form) {
  const fields = {};
  for (const input of form.querySelectorAll("input[required]")) {
    if (!input.value.trim()) fields[input.name] = "This is needed.";
  }
  return fields;
}

function reveal(button) {
  const shown = button.getAttribute("aria-pressed") === "true";
  button.setAttribute("aria-pressed", String(!shown));
  button.parentElement.querySelector("input").type = shown ? "password" : "text";
}
