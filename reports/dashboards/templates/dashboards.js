/* Behaviour of dashboards: the period and currency that the address names, tables that sort, filter and unfold.
   Other periods and currencies are inside the page, packed: fragments and figures that several of them share are there
   once. Without JavaScript the page shows the first of them, with everything unfolded. */
(function () {
  "use strict";
  const main = document.getElementById("page-content");
  const form = document.getElementById("page-choices");
  const told = document.getElementById("page-told");
  const holder = document.getElementById("page-variants");
  const packed = holder && JSON.parse(holder.textContent);
  const first = packed && main.innerHTML;
  const plainLinks = new Map();

  // ── the choice in the address ──────────────────────────────────────────────────────────────────────────────────────
  function asked() {
    const text = location.hash.slice(1);
    if (!text.includes("=")) return { period: null, currency: null, at: decoded(text) };
    const found = new URLSearchParams(text);
    return { period: found.get("period"), currency: found.get("currency"), at: found.get("at") || "" };
  }
  function decoded(text) {
    try { return decodeURIComponent(text); } catch (error) { return text; }
  }
  function address(choice, at) {
    const parts = new URLSearchParams({ period: choice.period, currency: choice.currency });
    if (at) parts.set("at", at);
    return "#" + parts;
  }
  function own(period, currency) { return packed.currencies[currency].variants[period] !== undefined; }

  // What this page has that is nearest to what was asked for: the currency first, then the period.
  function nearest(wanted) {
    const currency = wanted.currency in packed.currencies ? wanted.currency : packed.first.currency;
    if (wanted.period && own(wanted.period, currency)) return { period: wanted.period, currency };
    if (!wanted.period && own(packed.first.period, currency)) return { period: packed.first.period, currency };
    return { period: packed.currencies[currency].periods[0][0], currency };
  }

  const unpacked = new Map();
  function unpack(name) {
    if (!unpacked.has(name)) {
      const bytes = Uint8Array.from(atob(packed.chunks[name]), (letter) => letter.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
      unpacked.set(name, new Response(stream).json());
    }
    return unpacked.get(name);
  }

  let shown = packed && packed.first.currency + " " + packed.first.period;
  async function fill(choice) {
    const name = choice.currency + " " + choice.period;
    if (name === shown) return;
    shown = name;
    const variant = packed.currencies[choice.currency].variants[choice.period];
    let html = first;
    if (variant.length) {
      const chunks = await Promise.all(["shared", name].filter((chunk) => chunk in packed.chunks).map(unpack));
      if (shown !== name) return; // another one was chosen meanwhile
      const fragments = Object.assign({}, ...chunks.map((chunk) => chunk.fragments));
      chunks.forEach((chunk) => Object.assign(window.aifinops.figures, chunk.figures));
      html = variant.map((key) => fragments[key]).join("");
    }
    main.innerHTML = html;
    plainLinks.forEach((href, link) => { if (!link.isConnected) plainLinks.delete(link); });
    dress();
    window.aifinops.takeUp();
  }

  function options(select, entries, chosen) {
    select.replaceChildren(...entries.map(([key, words]) => new Option(words, key, false, key === chosen)));
  }

  function label(currency, period) {
    const entry = packed.currencies[currency].periods.find(([key]) => key === period);
    return entry ? entry[1] : period;
  }

  async function show() {
    const wanted = asked();
    const choice = nearest(wanted);
    await fill(choice);
    options(form.period, packed.currencies[choice.currency].periods, choice.period);
    form.currency.value = choice.currency;
    const missed = [
      wanted.currency && wanted.currency !== choice.currency ? "There is nothing in " + wanted.currency + " on this page" : "",
      wanted.period && wanted.period !== choice.period ? "This page has no figures of " + wanted.period + " in " + choice.currency : "",
    ].filter(Boolean);
    const now = label(choice.currency, choice.period) + " in " + choice.currency;
    const note = document.getElementById("page-missed") || document.createElement("p");
    note.id = "page-missed";
    note.className = "note warn";
    note.textContent = missed.length ? missed.join(". ") + ": it shows " + now + "." : "";
    if (missed.length) main.prepend(note); else note.remove();
    told.textContent = wanted.period || wanted.currency ? "Shown: " + now : "";
    carry(wanted.period || wanted.currency ? { period: wanted.period || choice.period, currency: wanted.currency || choice.currency } : null);
    scroll(wanted.at);
  }

  function scroll(at) {
    const target = at && document.getElementById(at);
    if (target) target.scrollIntoView();
  }

  // Links keep what was chosen, also if this page does not have it; a fresh page's links stay as they are.
  function carry(choice) {
    document.querySelectorAll("a[href]").forEach(function (link) {
      if (!plainLinks.has(link)) plainLinks.set(link, link.getAttribute("href"));
      const href = plainLinks.get(link);
      if (/^[a-z]+:|^\/\//i.test(href)) return;
      const [page, at] = href.split("#");
      if (page && !page.endsWith(".html")) return;
      link.setAttribute("href", choice ? page + address(choice, decoded(at || "")) : href);
    });
  }

  if (form.dataset.server !== undefined) {
    form.addEventListener("change", () => form.requestSubmit());
  } else if (packed) {
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", function () {
      // The address changes, and the page follows it: back and forward then work by themselves.
      location.hash = address({ period: form.period.value, currency: form.currency.value }, "");
    });
    window.addEventListener("hashchange", show);
  }

  // ── tables ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  function value(row, column) {
    const cell = row.cells[column];
    const text = cell.dataset.s !== undefined ? cell.dataset.s : cell.textContent.trim();
    const number = Number(text);
    return text !== "" && !Number.isNaN(number) ? number : text;
  }
  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  }
  function isNothing(value) { return value === "" || value === "–"; }

  // A row and what unfolds below it move together.
  function groups(body) {
    const found = [];
    Array.from(body.rows).forEach(function (row) {
      if (row.classList.contains("details")) found[found.length - 1].push(row); else found.push([row]);
    });
    return found;
  }

  function sortable(table) {
    const heads = Array.from(table.tHead.rows[0].cells);
    const before = groups(table.tBodies[0]);
    heads.forEach(function (head, column) {
      const isNumber = /\b(num|bar-col)\b/.test(head.className);
      if (head.classList.contains("spark-col") || before.length < 2) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", function () {
        const now = head.getAttribute("aria-sort");
        const next = now === null ? (isNumber ? "descending" : "ascending")
          : now === (isNumber ? "descending" : "ascending") ? (isNumber ? "ascending" : "descending") : null;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        let rows = before;
        if (next) {
          head.setAttribute("aria-sort", next);
          const sign = next === "ascending" ? 1 : -1;
          const keyed = before.map((group) => [value(group[0], column), group]);
          keyed.sort(function ([a], [b]) {
            if (isNothing(a) || isNothing(b)) return isNothing(a) - isNothing(b);
            return sign * compare(a, b);
          });
          rows = keyed.map(([, group]) => group);
        }
        table.tBodies[0].append(...rows.flat());
      });
    });
  }

  function filterable(card, table) {
    const input = card.querySelector(".filter");
    if (!input) return;
    const found = card.querySelector(".found");
    input.hidden = false;
    input.addEventListener("input", function () {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      const all = groups(table.tBodies[0]);
      all.forEach(function (group) {
        const text = group[0].textContent.toLowerCase();
        const isFound = words.every((word) => text.includes(word));
        count += isFound;
        group.forEach((row) => { row.hidden = !isFound; });
      });
      found.textContent = words.length ? count + " of " + all.length + " rows; the total stays that of all" : "";
    });
  }

  function unfolding(table) {
    table.querySelectorAll("button.why").forEach(function (button) {
      const details = button.closest("tr").nextElementSibling;
      function open(isOpen) {
        button.setAttribute("aria-expanded", String(isOpen));
        details.classList.toggle("closed", !isOpen);
      }
      open(false);
      button.addEventListener("click", () => open(button.getAttribute("aria-expanded") !== "true"));
    });
  }

  // What a spreadsheet would take for a formula is made text, as in the exports; numbers stay numbers.
  function csvCell(cell) {
    const small = cell.querySelector("small");
    const copy = cell.cloneNode(true);
    copy.querySelectorAll("button.why, .visually-hidden, svg").forEach((node) => node.remove());
    if (small) copy.querySelector("small").prepend("; ");
    let text = cell.dataset.s !== undefined ? cell.dataset.s : copy.textContent.trim().replace(/\u00a0/g, " ").replace(/\s+; /g, "; ");
    if (/^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text))) text = "'" + text;
    return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  }
  function downloadable(card, table) {
    const button = card.querySelector("button.csv");
    button.hidden = false;
    button.addEventListener("click", function () {
      const rows = Array.from(table.rows).filter((row) => !row.classList.contains("details") && !row.hidden);
      const text = rows.map((row) => Array.from(row.cells).map(csvCell).join(",")).join("\r\n") + "\r\n";
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob(["\ufeff" + text], { type: "text/csv;charset=utf-8" }));
      link.download = (document.querySelector("h1").textContent + " " + table.caption.textContent)
        .toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") + ".csv";
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }

  // A table that does not fit a phone, or whose words do not fit a tablet, is read downwards: a row's values below each
  // other, each with its heading. Long tables of short cells stay tables, whose first column stays while others are moved.
  const phone = window.matchMedia("(max-width: 640px)");
  const tablet = window.matchMedia("(max-width: 900px)");
  const FEW_ROWS = 6;
  const MANY_WORDS = 36; // letters: a column of such cells would be a tower beside the others
  const LONG_TEXT = 60; // letters: more than stand beside a heading
  function words(cell) {
    const copy = cell.cloneNode(true);
    copy.querySelectorAll(".visually-hidden").forEach((node) => node.remove());
    return copy.textContent.trim();
  }
  function fit(table) {
    const box = table.parentElement;
    table.classList.remove("stacked");
    if (!tablet.matches || box.scrollWidth <= box.clientWidth + 1) return;
    const rows = Array.from(table.querySelectorAll("tbody tr:not(.details), tfoot tr"));
    const texts = rows.filter((row) => Array.from(row.cells).slice(1).some((cell) => cell.textContent.length > MANY_WORDS));
    const isShort = phone.matches && groups(table.tBodies[0]).length <= FEW_ROWS;
    if (!isShort && texts.length * 2 < rows.length) return;
    const heads = Array.from(table.tHead.rows[0].cells).map(words);
    rows.forEach(function (row) {
      Array.from(row.cells).slice(1).forEach(function (cell, n) {
        const isDrawn = cell.querySelector("svg");
        if (!isDrawn && isNothing(cell.textContent.trim())) return;
        cell.dataset.label = heads[n + 1];
        cell.classList.toggle("long", cell.textContent.length > LONG_TEXT);
      });
    });
    table.classList.add("stacked");
  }
  function fitAll() { main.querySelectorAll(".card.table table").forEach(fit); }
  [phone, tablet].forEach((query) => query.addEventListener("change", fitAll));

  function dress() {
    main.querySelectorAll(".card.table table").forEach(function (table) {
      const card = table.closest(".card");
      sortable(table);
      filterable(card, table);
      unfolding(table);
      downloadable(card, table);
    });
    fitAll();
  }
  dress();

  // Pages do not fit side by side on a phone: the one that is open is brought into sight.
  const pages = document.querySelector('nav[aria-label="Pages"]');
  const open = pages.querySelector("[aria-current]");
  if (open) pages.scrollLeft = open.offsetLeft - pages.offsetLeft - (pages.clientWidth - open.offsetWidth) / 2;
  if (packed) show();
})();
