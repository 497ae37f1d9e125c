"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const remembered = (() => {
    // A browser may keep nothing for files: then the choice lasts as long as the page.
    try { return window.localStorage; } catch { return null; }
  })();

  // Light and dark: as the system says, until the reader chooses.
  const theme = document.getElementById("theme");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const showTheme = () => theme.setAttribute("aria-pressed", String(isDark()));
  const chosen = remembered?.getItem("etl-catalog-theme");
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remembered?.setItem("etl-catalog-theme", root.dataset.theme);
    showTheme();
  });
  system.addEventListener("change", showTheme);
  showTheme();
  theme.hidden = false;

  // A page that is older than a day says so: its next runs may be past.
  const made = document.getElementById("made");
  const days = Math.floor((Date.now() - Date.parse(made.dateTime)) / 86400000);
  if (days >= 1) {
    const stale = document.getElementById("stale");
    stale.textContent = `This page was made ${days === 1 ? "a day" : `${days} days`} ago: runs since then are missing, and next runs may be past.`;
    stale.hidden = false;
  }

  // Search: every word must be in what a part of the page is found by.
  const form = document.querySelector(".search");
  const figures = document.querySelector(".figures");
  const input = document.getElementById("search");
  const found = document.getElementById("found");
  const parts = all("[data-find]").filter((part) => part.tagName !== "TR" || part.closest(".cards"));
  const nodes = new Map(all(".node").map((node) => [node.dataset.node, node]));
  const opened = new Set();
  const has = (element, words) => words.every((word) => element.dataset.find.includes(word));
  const counted = (number, one, many) => `${number} ${number === 1 ? one : many}`;

  const search = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const counts = { jobs: 0, places: 0, columns: 0 };
    opened.forEach((details) => { details.open = false; });
    opened.clear();
    all("main > section").forEach((section) => { section.hidden = false; });
    for (const part of parts) {
      const self = has(part, words);
      const rows = all("tr[data-find]", part);
      const hits = words.length ? rows.filter((row) => has(row, words)) : [];
      rows.forEach((row) => { row.hidden = words.length > 0 && hits.length > 0 && !hits.includes(row); });
      const shown = self || hits.length > 0;
      part.hidden = !shown;
      if (!words.length) continue;
      hits.forEach((row) => {
        const details = row.closest("details");
        if (!details.open) { details.open = true; opened.add(details); }
      });
      const within = part.closest("section").id;
      if (shown && (within === "jobs" || within === "places")) counts[within] += 1;
      counts.columns += hits.length;
    }
    // What was found comes first: parts of the page with nothing of it make way.
    for (const section of all("main > section")) {
      const any = all("[data-find]", section).some((part) => !part.closest("[hidden]"));
      section.hidden = words.length > 0 && !any;
    }
    figures.hidden = words.length > 0;
    const told = [
      counts.jobs && counted(counts.jobs, "job", "jobs"),
      counts.places && counted(counts.places, "table or source", "tables and sources"),
      counts.columns && counted(counts.columns, "column", "columns"),
    ].filter(Boolean);
    const nothing = `Nothing is called “${input.value.trim()}”. Esc shows everything again.`;
    found.textContent = words.length ? told.join(", ") || nothing : "";
  };
  const clear = () => { if (input.value) { input.value = ""; search(); } };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = all(".card:not([hidden]) h3 a, .card:not([hidden]) tr[data-find]:not([hidden]) th a");
    const exact = all("#places tr[data-find]:not([hidden]) th a").find((link) => link.closest("details").open);
    const goal = input.value.trim() && (exact ?? first[0]);
    if (goal) { goal.focus(); goal.scrollIntoView({ block: "center" }); }
  });
  input.addEventListener("input", search);
  form.hidden = false;

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && document.activeElement !== input) {
      event.preventDefault();
      input.focus();
      input.select();
    } else if (event.key === "Escape") {
      if (input.value) { clear(); input.focus(); } else { document.activeElement?.blur(); }
      trace(null);
    }
  });

  // Deep links: whatever hides the goal makes way for it.
  const arrive = () => {
    let id = "";
    try { id = decodeURIComponent(window.location.hash.slice(1)); } catch { return; }
    const goal = id && document.getElementById(id);
    if (!goal) return;
    if (goal.closest("[hidden]")) clear();
    for (let at = goal; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    goal.scrollIntoView();
  };
  window.addEventListener("hashchange", arrive);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    const href = link && (link.getAttribute("href") ?? "");
    // The same link twice changes no hash, and what it leads to may be hidden by now.
    if (href && decodeURIComponent(window.location.hash) === decodeURIComponent(href)) window.setTimeout(arrive);
    else if (href && document.getElementById(decodeURIComponent(href.slice(1)))?.closest("[hidden]")) clear();
  });

  // The graph: where something comes from, and where it goes.
  const graph = document.querySelector(".lineage-graph");
  const edges = all(".edge");
  const follow = (start, from, to) => {
    const reached = new Set([start]);
    const used = new Set();
    const queue = [start];
    while (queue.length) {
      const node = queue.pop();
      for (const edge of edges) {
        if (edge.dataset[from] !== node) continue;
        used.add(edge);
        const next = edge.dataset[to];
        if (!reached.has(next)) { reached.add(next); queue.push(next); }
      }
    }
    return [reached, used];
  };
  const trace = (start) => {
    graph.classList.toggle("traced", start !== null);
    const [up, upEdges] = start === null ? [new Set(), new Set()] : follow(start, "to", "from");
    const [down, downEdges] = start === null ? [new Set(), new Set()] : follow(start, "from", "to");
    nodes.forEach((node, id) => node.classList.toggle("on", up.has(id) || down.has(id)));
    edges.forEach((edge) => edge.classList.toggle("on", upEdges.has(edge) || downEdges.has(edge)));
  };
  for (const [id, node] of nodes) {
    node.addEventListener("pointerenter", () => trace(id));
    node.addEventListener("pointerleave", () => trace(null));
    node.addEventListener("focus", () => trace(id));
    node.addEventListener("blur", () => trace(null));
  }

  // On paper nothing is folded away.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    folded.forEach((details) => { details.open = true; });
  });
  window.addEventListener("afterprint", () => folded.forEach((details) => { details.open = false; }));

  arrive();
})();
