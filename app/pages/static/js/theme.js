/* The theme: as the system says until somebody chooses. Runs before the first paint. */
(function () {
  "use strict";
  const KEY = "medianest.theme";
  const NAMES = { auto: "as the system", light: "light", dark: "dark" };
  const NEXT = { auto: "light", light: "dark", dark: "auto" };
  const page = document.documentElement;

  function stored() {
    try {
      const value = localStorage.getItem(KEY);
      return value in NAMES ? value : "auto";
    } catch {
      return "auto"; // storage switched off: the choice lasts as long as the page
    }
  }

  function wear(theme) {
    if (theme === "auto") delete page.dataset.theme;
    else page.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (!button) return;
    button.setAttribute("aria-label", `Theme: ${NAMES[theme]}`);
    button.title = `Theme: ${NAMES[theme]}`;
    button.querySelector("use").setAttribute("href", `#theme-${theme}`);
  }

  let theme = stored();
  wear(theme);
  document.addEventListener("DOMContentLoaded", () => {
    wear(theme);
    document.getElementById("theme")?.addEventListener("click", () => {
      theme = NEXT[theme];
      wear(theme);
      try {
        localStorage.setItem(KEY, theme);
      } catch {
        /* see above */
      }
    });
  });
})();
