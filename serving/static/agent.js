// What a template cannot do: keys that go to a part of the page, local times, ages that grow, and
// what follows when the score changes during a call.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const loadedAt = new WeakMap();

  // Times are UTC in data and local on screen; without this script the UTC text stays.
  const language = document.documentElement.lang;
  const local = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const clock = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "always" });
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

  const showTimes = (root) => {
    for (const place of root.querySelectorAll("time[data-local]")) {
      place.textContent = local.format(new Date(place.dateTime));
    }
    for (const place of root.querySelectorAll("time[data-clock]")) {
      place.textContent = clock.format(new Date(place.dateTime));
    }
    showAges(root);
  };
  // The age is the server's, and grows by the time that the page is open: clocks may differ.
  const showAges = (root) => {
    for (const place of root.querySelectorAll("time[data-age]")) {
      if (!loadedAt.has(place)) loadedAt.set(place, performance.now());
      const seconds = Number(place.dataset.age) + (performance.now() - loadedAt.get(place)) / 1000;
      const [unit, length] = units.find(([, size]) => seconds >= 2 * size) || units[3];
      place.textContent = relative.format(-Math.floor(seconds / length), unit);
    }
  };

  // A refusal of this page is HTML that says what to do: it is shown where it belongs.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const type = event.detail.xhr.getResponseHeader("Content-Type") || "";
    if (event.detail.xhr.status >= 400 && type.startsWith("text/html")) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });

  // A new row: say so, work out again what would lower it, and leave a form that is in use alone.
  let shown = byId("agent-card")?.dataset.change;
  const afterCard = () => {
    const card = byId("agent-card");
    if (!card || card.dataset.change === shown) return;
    shown = card.dataset.change;
    const news = byId("agent-news");
    news.textContent = `${news.dataset.text} ${card.dataset.news}`;
    htmx.trigger(byId("agent-lower-place"), "rowchanged");
    htmx.trigger(byId("agent-timeline-place"), "rowchanged");
    const outcome = byId("agent-outcome");
    if (!outcome || outcome.dataset.prediction === card.dataset.prediction) return;
    if ("touched" in outcome.dataset || outcome.contains(document.activeElement)) {
      byId("agent-newer")?.removeAttribute("hidden");
    } else {
      htmx.trigger(byId("agent-outcome-place"), "rowchanged");
    }
  };

  document.addEventListener("htmx:afterSwap", (event) => {
    showTimes(event.detail.target);
    if (event.detail.target.id === "agent-card-place") afterCard();
    // After an answer the focus would be lost with the form.
    const isAnswer = event.detail.requestConfig?.verb === "post";
    if (isAnswer && event.detail.target.id === "agent-outcome-place") {
      (event.detail.target.querySelector("[aria-invalid]") || byId("agent-outcome-title"))?.focus();
    }
  });
  document.addEventListener("input", (event) => {
    const outcome = event.target.closest("#agent-outcome");
    if (outcome) outcome.dataset.touched = "";
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".agent-offer");
    const field = byId("agent-offer-field");
    if (!button || !field) return;
    field.value = button.dataset.offer;
    byId("agent-outcome").dataset.touched = "";
    field.focus();
  });

  // Keys of one character can be switched off (WCAG 2.1.4), and never record anything.
  const parts = {
    "/": "agent-q",
    c: "agent-who",
    w: "agent-lower-title",
    o: "agent-outcome-title",
    t: "agent-timeline-title",
  };
  const store = "everscore.agent.keys";
  const areOn = () => {
    try {
      return localStorage.getItem(store) !== "off";
    } catch {
      return true;
    }
  };
  const help = () => {
    const keys = byId("agent-keys");
    keys.open = true;
    keys.querySelector("summary").focus();
  };
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input:not([type=checkbox]), select, textarea");
    if (isTyping || event.ctrlKey || event.altKey || event.metaKey || !areOn()) return;
    if (event.key === "?") {
      event.preventDefault();
      help();
      return;
    }
    const part = byId(parts[event.key]);
    if (!part) return;
    event.preventDefault();
    part.focus();
    if (part.select) part.select();
  });
  const showSwitch = () => {
    const box = byId("agent-keys-on");
    if (!box) return;
    box.checked = areOn();
    box.addEventListener("change", () => {
      try {
        localStorage.setItem(store, box.checked ? "on" : "off");
      } catch {
        // A browser that stores nothing: the keys stay on.
      }
    });
  };

  showTimes(document);
  showSwitch();
  setInterval(() => showAges(document), 1000);
})();
