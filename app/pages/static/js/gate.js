/* First run and sign-in by password: one form, one call, then the page anew. */

import { post } from "./api.js";
import { onSubmit } from "./submit.js";

const form = document.querySelector("form[data-post]");
const ENDED = "medianest.ended";

/** As one types: "abcd1234" -> "ABCD-1234". */
function group(input) {
  const plain = input.value.toUpperCase().replace(/[^A-Z0-9]/g, "").slice(0, 12);
  const grouped = plain.replace(/(.{4})(?=.)/g, "$1-");
  if (grouped !== input.value && input.selectionStart === input.value.length) input.value = grouped;
}

function inWords(problem) {
  if (problem.status === 401) {
    Object.assign(problem, { title: "Name or password is not right", detail: "", requestId: "" });
    form.elements.namedItem("password").focus();
  }
  if (problem.code === "wrong_setup_code") {
    Object.assign(problem, { title: "The setup code is not right", detail: "", requestId: "" });
    problem.fields = { code: "Compare it with the terminal, or print it again with medianest setup-code." };
  }
  if (problem.status === 409) {
    problem.title = "Somebody has set this up already";
    problem.detail = "Load the page again to sign in.";
  }
}

async function send() {
  const values = Object.fromEntries(new FormData(form));
  if (values.code) values.code = values.code.trim().toUpperCase();
  await post(form.dataset.post, values);
  if (form.dataset.next) location.assign(form.dataset.next);
  else location.reload();
  await new Promise(() => {}); // busy until the next page is there
}

function greetBack() {
  const lead = document.getElementById("lead");
  if (!lead || !sessionStorage.getItem(ENDED)) return;
  sessionStorage.removeItem(ENDED);
  lead.textContent = "Your session has ended. Sign in to go on.";
}

onSubmit(form, send, inWords);
form.querySelector(".code")?.addEventListener("input", (event) => group(event.target));
if (form.checkVisibility()) form.querySelector("input").focus();
greetBack();
