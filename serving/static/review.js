// The review page: single keys, and a claim that lasts for as long as somebody works on the case.
"use strict";

(() => {
  const CHOICE = "everscore.review.shortcuts";
  const toggle = document.getElementById("shortcuts");
  const card = document.getElementById("case");

  try {
    toggle.checked = localStorage.getItem(CHOICE) !== "off";
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  toggle.addEventListener("change", () => {
    try {
      localStorage.setItem(CHOICE, toggle.checked ? "on" : "off");
    } catch {
      // As above.
    }
  });

  const isTyping = (target) =>
    target.matches("textarea, select, input:not([type=radio]):not([type=checkbox])");

  const act = (element) => {
    if (element.matches("textarea")) {
      element.focus();
    } else if (element.matches("button")) {
      element.click();
    } else {
      element.focus();
      element.click();
    }
  };

  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return; // it closes by its own keys
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const target = event.target;
    if (event.key === "Escape" && isTyping(target)) {
      target.blur();
      return;
    }
    if (!toggle.checked || isTyping(target)) return;
    const form = document.getElementById("decide");
    if (event.key === "Enter" && form && !card.hidden && !target.closest("a, button, label")) {
      event.preventDefault();
      form.requestSubmit();
      return;
    }
    if (!/^[a-z0-9]$/.test(event.key)) return;
    const element = document.querySelector(`[data-key="${event.key}"]`);
    if (element && !element.closest("[hidden]")) {
      event.preventDefault();
      act(element);
    }
  });

  // A form that is sent twice by an impatient key is sent once.
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "1";
  });

  // Times of day as people here have them.
  for (const time of document.querySelectorAll("time[data-clock]")) {
    time.textContent = new Date(time.dateTime).toLocaleTimeString(
      document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  }

  // Colours on or off, and a larger view in place of a page of its own.
  const colours = document.getElementById("overlay-switch");
  for (const element of document.querySelectorAll("[data-needs-script]")) element.hidden = false;
  colours?.addEventListener("click", () => {
    const isOn = colours.getAttribute("aria-pressed") !== "true";
    colours.setAttribute("aria-pressed", String(isOn));
    for (const figure of document.querySelectorAll("[data-overlay]")) figure.hidden = !isOn;
  });
  for (const link of document.querySelectorAll("a[data-larger]")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      const view = document.createElement("dialog");
      const picture = link.querySelector("img").cloneNode();
      view.className = "larger";
      view.setAttribute("aria-label", picture.alt);
      view.tabIndex = 0;
      view.append(picture);
      view.addEventListener("click", () => view.close());
      view.addEventListener("close", () => { view.remove(); link.focus(); });
      document.body.append(view);
      view.showModal();
    });
  }

  if (!card) {
    // Nobody works on a case here: show what has come meanwhile.
    const LOOK_MS = 15000;
    setInterval(() => {
      if (!document.hidden && document.activeElement === document.body) location.reload();
    }, LOOK_MS);
    return;
  }

  // The claim ends by the server's time; how much is left of it needs no clock that is right. The
  // case is hidden a little earlier: an answer takes its time to get here.
  const EARLY_MS = 250;
  let endsAt = performance.now() + 1000 * Number(card.dataset.secondsLeft) - EARLY_MS;
  let touchedAt = performance.now();
  let isAsking = false;
  const leaseMs = 1000 * Number(card.dataset.leaseSeconds);
  const { case: caseId, token, scenario } = card.dataset;
  for (const name of ["keydown", "pointerdown", "pointermove", "input"]) {
    document.addEventListener(name, () => { touchedAt = performance.now(); }, { passive: true });
  }

  const end = () => {
    card.hidden = true;
    document.querySelector("dialog[open]")?.close();
    document.getElementById("note")?.remove();
    document.getElementById("lapsed").hidden = false;
    clearInterval(timer);
  };

  const renew = async () => {
    isAsking = true;
    const askedAt = performance.now();
    try {
      const address = `/v1/${encodeURIComponent(scenario)}/review/cases/${encodeURIComponent(caseId)}/renew`;
      const answer = await fetch(address, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "X-CSRF-Token": document.querySelector("[name=csrf_token]").value,
        },
        body: JSON.stringify({ token }),
      });
      if (answer.ok) {
        endsAt = askedAt + 1000 * (await answer.json()).seconds_left - EARLY_MS;
      } else if (answer.status === 409 || answer.status === 404) {
        end();
      }
    } catch {
      // The service does not answer: the claim ends by itself unless it comes back in time.
    } finally {
      isAsking = false;
    }
  };

  const timer = setInterval(() => {
    const now = performance.now();
    if (now >= endsAt) {
      end();
    } else if (!isAsking && endsAt - now < leaseMs * 2 / 3 && now - touchedAt < leaseMs) {
      // Whoever has left the page alone for a whole lease gives the case up.
      renew();
    }
  }, Math.min(1000, leaseMs / 10));
})();
