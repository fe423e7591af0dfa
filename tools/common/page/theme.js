// Light or dark: as the reader's system has it, until the button or the address ("#theme=dark") says otherwise. Runs
// before the page is drawn.
"use strict";

const theme = (() => {
  const root = document.documentElement;
  const darkSystem = matchMedia("(prefers-color-scheme: dark)");
  let chosen = new URLSearchParams(location.hash.slice(1)).get("theme");
  if (!["dark", "light"].includes(chosen)) chosen = null;

  const isDark = () => (chosen === null ? darkSystem.matches : chosen === "dark");
  const apply = () => root.classList.toggle("dark", isDark());
  apply();

  // `changed` is called now and after every change.
  function attach(button, changed = () => {}) {
    const show = () => {
      apply();
      button.textContent = isDark() ? "Light" : "Dark";
      button.setAttribute("aria-label", isDark() ? "Use the light theme" : "Use the dark theme");
      changed();
    };
    button.addEventListener("click", () => {
      chosen = isDark() ? "light" : "dark";
      show();
    });
    darkSystem.addEventListener("change", show);
    show();
  }

  return { attach, chosen: () => chosen };
})();
