/* The head of every screen behind the sign-in: the account's menu, signing out, and what happens when the session ends. */

import { onSessionEnd, post, Problem } from "./api.js";
import { showProblem } from "./problem.js";

const person = document.getElementById("person");
const sheet = document.getElementById("person-menu");

function openMenu(open) {
  sheet.hidden = !open;
  person.setAttribute("aria-expanded", String(open));
}

person.addEventListener("click", () => openMenu(sheet.hidden));

document.addEventListener("pointerdown", (event) => event.target.closest(".menu") || openMenu(false));

document.addEventListener("focusin", (event) => event.target.closest(".menu") || openMenu(false));

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || sheet.hidden) return;
  event.preventDefault(); // the innermost thing that is open: nothing else closes with it
  openMenu(false);
  person.focus();
});

document.getElementById("sign-out").addEventListener("click", async () => {
  try {
    await post("auth/logout");
    location.reload();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    showProblem(document.getElementById("menu-problems"), problem);
  }
});

onSessionEnd(() => {
  const last = Number(sessionStorage.getItem("medianest.ended") ?? 0);
  if (Date.now() - last < 5000) return; // the page and the API disagree: do not reload for ever
  sessionStorage.setItem("medianest.ended", String(Date.now()));
  location.reload();
});
