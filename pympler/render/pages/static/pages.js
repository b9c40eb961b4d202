// Keeps the page fresh: what is marked with data-live is fetched again and put in its place.
// Without this script everything works, and is as old as the page.
"use strict";

(() => {
  const EVERY_MS = 5000;
  const WHILE_BUSY_MS = 1000;
  const MOST_FAILURES = 5;

  const button = document.getElementById("live");
  let timer = 0;
  let failures = 0;

  const isOn = () => button.getAttribute("aria-pressed") === "true";

  function plan() {
    clearTimeout(timer);
    if (!isOn() || document.hidden || !document.querySelector("[data-live]")) return;
    const busy = document.querySelector("[data-busy]");
    timer = setTimeout(refresh, busy ? WHILE_BUSY_MS : EVERY_MS);
  }

  async function refresh() {
    try {
      const response = await fetch(location.href, { credentials: "same-origin" });
      failures = 0;
      if (response.redirected) {
        location.replace(response.url);
        return;
      }
      if (response.ok) replace(new DOMParser().parseFromString(await response.text(), "text/html"));
    } catch (error) {
      // The application is being restarted, or is gone: ask some more times, then leave it.
      failures += 1;
      if (failures >= MOST_FAILURES) set(false);
    }
    plan();
  }

  function replace(fresh) {
    document.title = fresh.title;
    for (const part of document.querySelectorAll("[data-live]")) {
      const name = part.dataset.live;
      const next = fresh.querySelector(`[data-live="${name}"]`);
      if (!next) {
        location.reload();
        return;
      }
      if (isInUse(part) || part.innerHTML === next.innerHTML) continue;
      part.replaceWith(document.adoptNode(next));
    }
  }

  // What somebody is reading closely, or choosing in, is left as it is until he is done.
  function isInUse(part) {
    const focused = document.activeElement;
    if (focused && focused !== part && part.contains(focused)) return true;
    if (part.querySelector("details[open]:not(:first-of-type)")) return true;
    const selection = document.getSelection();
    return Boolean(selection && !selection.isCollapsed && part.contains(selection.anchorNode));
  }

  function set(on) {
    button.setAttribute("aria-pressed", String(on));
    try {
      localStorage.setItem("pympler-live", on ? "on" : "off");
    } catch (error) {
      // Storage is switched off: the choice lasts as long as the page.
    }
    plan();
  }

  if (document.querySelector("[data-live]")) {
    button.hidden = false;
    try {
      if (localStorage.getItem("pympler-live") === "off") button.setAttribute("aria-pressed", "false");
    } catch (error) {
      // As above.
    }
    button.addEventListener("click", () => set(!isOn()));
    document.addEventListener("visibilitychange", plan);
    plan();
  }
})();
