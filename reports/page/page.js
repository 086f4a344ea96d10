/* Behaviour of the page: drawing charts when they come into view, the theme, the current section.
   Figures carry design tokens such as var(--s1) as colours; they are resolved here, once per theme. */
(function () {
  "use strict";
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const plots = Array.from(document.querySelectorAll("[data-figure]"));
  const drawn = new Set();
  const config = { displayModeBar: false, displaylogo: false, responsive: true };

  function resolver() {
    const style = getComputedStyle(document.documentElement);
    const known = new Map();
    return function resolve(value) {
      if (typeof value === "string") {
        if (!value.startsWith("var(--")) return value;
        if (!known.has(value)) known.set(value, style.getPropertyValue(value.slice(4, -1)).trim());
        return known.get(value);
      }
      if (Array.isArray(value)) return value.map(resolve);
      if (value && typeof value === "object") {
        return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item)]));
      }
      return value;
    };
  }

  function draw(node) {
    const figure = resolver()(figures[node.dataset.figure]);
    drawn.add(node);
    return Plotly.react(node, figure.data, figure.layout, config);
  }
  function drawAll() { plots.forEach(draw); }
  function redraw() { drawn.forEach(draw); }

  if ("IntersectionObserver" in window) {
    const watch = new IntersectionObserver(function (entries) {
      entries.filter((entry) => entry.isIntersecting).forEach(function (entry) {
        watch.unobserve(entry.target);
        draw(entry.target);
      });
    }, { rootMargin: "600px 0px" });
    plots.forEach((node) => watch.observe(node));
  } else {
    drawAll();
  }

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
    redraw();
  });
  prefersDark.addEventListener("change", redraw);

  // Print styles are light: charts follow, and those never scrolled to are drawn.
  window.matchMedia("print").addEventListener("change", drawAll);
  window.addEventListener("beforeprint", drawAll);

  const links = Array.from(document.querySelectorAll(".bar nav a"));
  const sections = links.map((link) => document.querySelector(link.getAttribute("href")));
  function markCurrent() {
    const line = 120;
    let current = 0;
    let nearest = -Infinity;
    sections.forEach(function (section, i) {
      if (!section) return;
      const top = section.getBoundingClientRect().top;
      if (top <= line && top > nearest) { nearest = top; current = i; }
    });
    if (window.innerHeight + window.scrollY >= document.body.scrollHeight - 4 && window.scrollY > 0) {
      current = sections.length - 1;
    }
    links.forEach(function (link, i) {
      if (i === current) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    });
    const strip = links[current].parentElement;
    strip.scrollLeft = links[current].offsetLeft - strip.offsetLeft - strip.clientWidth / 3;
  }
  let waiting = false;
  window.addEventListener("scroll", function () {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(function () { waiting = false; markCurrent(); });
  }, { passive: true });
  markCurrent();
})();
