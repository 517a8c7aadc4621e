/* First run and sign-in: one form, one call, then the page anew. */

import { Problem, post } from "./api.js";
import { clearFields, clearProblem, showFields, showProblem } from "./problem.js";

const form = document.querySelector("form[data-post]");
const problems = form.querySelector(".problems");
const button = form.querySelector("[type=submit]");
const ENDED = "medianest.ended";

/** As one types: "abcd1234" -> "ABCD-1234". */
function group(input) {
  const plain = input.value.toUpperCase().replace(/[^A-Z0-9]/g, "").slice(0, 12);
  const grouped = plain.replace(/(.{4})(?=.)/g, "$1-");
  if (grouped !== input.value && input.selectionStart === input.value.length) input.value = grouped;
}

function missing() {
  const fields = {};
  for (const input of form.querySelectorAll("input[required]")) {
    if (!input.value.trim()) fields[input.name] = "This is needed.";
  }
  return fields;
}

function inWords(problem) {
  if (problem.status === 401) Object.assign(problem, { title: "Name or password is not right", detail: "", requestId: "" });
  if (problem.status === 403 && form.dataset.post === "auth/setup") {
    Object.assign(problem, { title: "The setup code is not right", detail: "", requestId: "" });
    problem.fields = { code: "Compare it with the terminal, or print it again with medianest setup-code." };
  }
  if (problem.status === 409) {
    problem.title = "Somebody has set this up already";
    problem.detail = "Load the page again to sign in.";
  }
  return problem;
}

async function send(event) {
  event.preventDefault();
  clearProblem(problems);
  clearFields(form);
  const fields = missing();
  if (Object.keys(fields).length) {
    showFields(form, { fields });
    return;
  }
  button.setAttribute("aria-busy", "true");
  button.disabled = true;
  try {
    const values = Object.fromEntries(new FormData(form));
    if (values.code) values.code = values.code.trim().toUpperCase();
    await post(form.dataset.post, values);
    location.reload();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    button.disabled = false;
    button.removeAttribute("aria-busy");
    if (!showFields(form, inWords(problem))) form.elements.namedItem("password").focus();
    showProblem(problems, problem);
  }
}

function reveal(event) {
  const shown = event.currentTarget.getAttribute("aria-pressed") === "true";
  event.currentTarget.setAttribute("aria-pressed", String(!shown));
  form.elements.namedItem("password").type = shown ? "password" : "text";
}

function greetBack() {
  const lead = document.getElementById("lead");
  if (!lead || !sessionStorage.getItem(ENDED)) return;
  sessionStorage.removeItem(ENDED);
  lead.textContent = "Your session has ended. Sign in to go on.";
}

form.addEventListener("submit", send);
form.querySelector(".reveal").addEventListener("click", reveal);
form.querySelector(".code")?.addEventListener("input", (event) => group(event.target));
form.querySelector("input").focus();
greetBack();
