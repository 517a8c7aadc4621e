/* Asks in a dialog before something is gone for good. */

const dialog = document.getElementById("ask");

/** Whether the reader says yes. `no` stands on the button that changes nothing, which has the keyboard. */
export function ask({ title, text, yes, no = "Keep" }) {
  document.getElementById("ask-title").textContent = title;
  document.getElementById("ask-text").textContent = text;
  dialog.querySelector("[value=yes]").textContent = yes;
  dialog.querySelector("[value=no]").textContent = no;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
