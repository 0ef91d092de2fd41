// Updates the page while it is visible. Without this script, the page shows the state at the time it was opened.
"use strict";

const INTERVAL_MS = 5000;
const live = document.getElementById("live");
const controls = document.getElementById("controls");
const button = controls.querySelector("button");
const lost = controls.querySelector("[role=status]");
const announcement = document.getElementById("announcement");
const address = `/status/now?lang=${document.documentElement.lang}`;
let stopped = false;
let loading = false;

function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").body;
  const text = fresh.querySelector(".overall").textContent.trim();
  // Screen readers announce only changes of the summary.
  if (live.querySelector(".overall").textContent.trim() !== text) announcement.textContent = text;
  live.replaceChildren(...fresh.childNodes);
}

async function update() {
  if (stopped || loading || document.hidden) return;
  loading = true;
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(INTERVAL_MS) });
    if (!response.ok) throw new Error(String(response.status));
    show(await response.text());
    lost.textContent = "";
  } catch {
    lost.textContent = controls.dataset.lost;
  } finally {
    loading = false;
  }
}

button.addEventListener("click", () => {
  stopped = !stopped;
  button.textContent = stopped ? controls.dataset.go : controls.dataset.stop;
  controls.querySelector("span").hidden = stopped;
  update();
});
document.addEventListener("visibilitychange", update);
setInterval(update, INTERVAL_MS);
controls.hidden = false;
