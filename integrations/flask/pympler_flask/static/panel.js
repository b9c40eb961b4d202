// When the panel is opened, what the request has left behind is fetched: it has ended by then.
(function () {
  "use strict";
  const place = document.querySelector("#flDebugMemoryPanel-content [data-pympler-report]");
  const button = document.querySelector("#flDebugPanelList a.flDebugMemoryPanel");
  if (!place || !button) {
    return;
  }
  function say(text) {
    const line = document.createElement("p");
    line.textContent = text;
    place.replaceChildren(line);
  }
  async function load() {
    try {
      const answer = await fetch(place.dataset.pymplerReport, { credentials: "same-origin" });
      if (!answer.ok) {
        say(`The report could not be fetched: ${answer.status}.`);
        return;
      }
      const whole = document.createElement("div");
      whole.innerHTML = (await answer.json()).content;
      document.querySelector("#flDebugMemoryPanel-content .flDebugScroll").replaceChildren(whole);
    } catch (error) {
      say("The report could not be fetched: the application does not answer.");
    }
  }
  button.addEventListener("click", load, { once: true });
})();
