// Keeps the page up to date while somebody looks at it. Without this script it says the same as of when it was opened.
"use strict";

const EVERY = 5000;
const live = document.getElementById("live");
const keeping = document.getElementById("keeping");
const button = keeping.querySelector("button");
const lost = keeping.querySelector("[role=status]");
const told = document.getElementById("told");
const address = `/status/now?lang=${document.documentElement.lang}`;
let stopped = false;
let asking = false;

function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").body;
  const text = fresh.querySelector(".overall").textContent.trim();
  // People who listen are told when it changes, and of nothing else.
  if (live.querySelector(".overall").textContent.trim() !== text) told.textContent = text;
  live.replaceChildren(...fresh.childNodes);
}

async function update() {
  if (stopped || asking || document.hidden) return;
  asking = true;
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(EVERY) });
    if (!answer.ok) throw new Error(String(answer.status));
    show(await answer.text());
    lost.textContent = "";
  } catch {
    lost.textContent = keeping.dataset.lost;
  } finally {
    asking = false;
  }
}

button.addEventListener("click", () => {
  stopped = !stopped;
  button.textContent = stopped ? keeping.dataset.go : keeping.dataset.stop;
  keeping.querySelector("span").hidden = stopped;
  update();
});
document.addEventListener("visibilitychange", update);
setInterval(update, EVERY);
keeping.hidden = false;
