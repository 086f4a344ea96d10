/* Behaviour of pages: drawing charts when they come into view and anew for another theme, the current section.
   Figures carry design tokens such as var(--s1) as colours; they are resolved here, once per theme. */
(function () {
  "use strict";
  const figures = JSON.parse(document.getElementById("page-figures").textContent);
  const plots = new Set();
  const drawn = new Set();
  const config = { displayModeBar: false, displaylogo: false, responsive: true };
  const paper = window.matchMedia("print");
  const paperPixels = 660; // A4 without margins and a card's padding: a drawing does not shrink with the paper by itself
  let onPaper = paper.matches;
  let loading = null;

  // A page that stands alone has Plotly inside; one of many asks for the file beside them, once.
  function plotly() {
    if (window.Plotly) return Promise.resolve();
    loading = loading || new Promise(function (resolve, reject) {
      const script = document.createElement("script");
      script.src = document.body.dataset.plotly;
      script.addEventListener("load", resolve);
      script.addEventListener("error", reject);
      document.head.append(script);
    });
    return loading;
  }

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
    drawn.add(node);
    return plotly().then(function () {
      if (!node.isConnected) return;
      const figure = resolver()(figures[node.dataset.figure]);
      const size = onPaper ? { width: Math.min(paperPixels, node.clientWidth), autosize: false } : {};
      Plotly.react(node, figure.data, { ...figure.layout, ...size }, config);
    }, function () {
      node.textContent = "The chart cannot be drawn: " + document.body.dataset.plotly + " is not where this page is.";
    });
  }
  function drawAll() { plots.forEach(draw); }
  function redraw() { drawn.forEach(draw); }

  const watching = "IntersectionObserver" in window ? new IntersectionObserver(function (entries) {
    entries.filter((entry) => entry.isIntersecting).forEach(function (entry) {
      watching.unobserve(entry.target);
      draw(entry.target);
    });
  }, { rootMargin: "600px 0px" }) : null;

  // Takes up the charts that are on the page now; those that went with the content before are let go.
  function takeUp() {
    plots.forEach(function (node) {
      if (node.isConnected) return;
      plots.delete(node);
      if (watching) watching.unobserve(node);
      if (drawn.delete(node) && window.Plotly) Plotly.purge(node);
    });
    document.querySelectorAll("[data-figure]").forEach(function (node) {
      if (plots.has(node)) return;
      plots.add(node);
      if (watching) watching.observe(node); else draw(node);
    });
  }
  takeUp();
  window.aifinops = { figures, takeUp };

  // theme.js has heard the click first.
  document.getElementById("theme").addEventListener("click", redraw);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

  // Print styles are light and narrow: charts follow, and those never scrolled to are drawn.
  function print(isNow) {
    if (onPaper === isNow) return;
    onPaper = isNow;
    if (isNow) drawAll();
    else drawn.forEach((node) => draw(node).then(() => { if (node.isConnected) Plotly.Plots.resize(node); }));
  }
  paper.addEventListener("change", () => print(paper.matches));
  window.addEventListener("beforeprint", () => print(true));
  window.addEventListener("afterprint", () => print(false));

  const links = Array.from(document.querySelectorAll('nav[aria-label="Sections"] a'));
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
    if (waiting || !links.length) return;
    waiting = true;
    requestAnimationFrame(function () { waiting = false; markCurrent(); });
  }, { passive: true });
  if (links.length) markCurrent();
})();
