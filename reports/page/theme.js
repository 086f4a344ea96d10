/* The theme of every page, charts or none: as it was chosen last, else as the system has it. */
(function () {
  "use strict";
  const root = document.documentElement;
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  function remembered() {
    try { return localStorage.getItem("aifinops-theme"); } catch (error) { return null; }
  }
  function remember(theme) {
    try { localStorage.setItem("aifinops-theme", theme); } catch (error) { /* a file may not have storage */ }
  }
  if (["light", "dark"].includes(remembered())) root.dataset.theme = remembered();
  document.getElementById("theme").addEventListener("click", function () {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches;
    root.dataset.theme = dark ? "light" : "dark";
    remember(root.dataset.theme);
  });
})();
