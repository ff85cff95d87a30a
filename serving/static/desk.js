// What htmx leaves to a page: say why a request failed, and follow a login that is over.
"use strict";

(() => {
  const show = (text) => {
    const place = document.getElementById("problem");
    if (!place) return;
    const line = document.createElement("p");
    line.className = "banner bad";
    line.textContent = text;
    place.replaceChildren(line);
  };

  document.addEventListener("htmx:responseError", (event) => {
    const body = document.body.dataset;
    let detail = body.problem;
    try {
      detail = JSON.parse(event.detail.xhr.responseText).detail || detail;
    } catch {
      // An answer of something between us and the browser: the general sentence is all there is.
    }
    show(detail);
  });
  document.addEventListener("htmx:sendError", () => show(document.body.dataset.unreachable));
  document.addEventListener("htmx:beforeRequest", () => {
    document.getElementById("problem")?.replaceChildren();
  });
})();
