"use strict";

const board = document.getElementById("board");
const filter = document.getElementById("filter");
const seen = document.getElementById("seen");
let chosen = ""; // the status, "" for everyone
let last = {};   // the last notice

// show hides the rows that the filter and the chosen status leave out.
function show() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  if (chosen && !board.querySelector(`button[data-class="${chosen}"]`)) {
    chosen = ""; // nobody has the status any more
  }
  for (const row of board.querySelectorAll("tbody tr")) {
    row.hidden = chosen && !row.classList.contains(chosen) || !words.every(word => row.dataset.text.includes(word));
    shown += !row.hidden;
  }
  for (const button of board.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", button.dataset.class === chosen);
  }
  const table = board.querySelector("table"), empty = board.querySelector(".empty");
  if (table) {
    table.hidden = !shown;
    empty.hidden = shown > 0;
  }
}

const units = [["day", 86400], ["hour", 3600], ["minute", 60]];
const ago = new Intl.RelativeTimeFormat(undefined, {numeric: "auto", style: "short"});

function tell() {
  for (const time of board.querySelectorAll("time")) {
    const at = new Date(time.dateTime), seconds = (Date.now() - at) / 1000;
    const unit = units.find(([, size]) => seconds >= size);
    time.textContent = unit ? ago.format(-Math.floor(seconds / unit[1]), unit[0]) : "just now";
    time.title = at.toLocaleString();
  }
  const at = last.at && !last.at.startsWith("0001") ? "as of " + new Date(last.at).toLocaleTimeString() : "";
  seen.textContent = [at, last.error].filter(Boolean).join(" – ");
  seen.classList.toggle("stale", Boolean(last.error));
}

board.addEventListener("click", event => {
  const button = event.target.closest("button");
  if (button) {
    chosen = button.dataset.class === chosen ? "" : button.dataset.class;
    show();
  }
});
filter.addEventListener("input", show);

const events = new EventSource("events");
events.addEventListener("people", event => {
  board.innerHTML = JSON.parse(event.data); // made by html/template
  show();
  tell();
});
events.addEventListener("notice", event => {
  last = JSON.parse(event.data);
  tell();
});
events.addEventListener("error", () => {
  last = {...last, error: "trillianctl does not answer any more"};
  tell();
});

setInterval(tell, 30000);
show();
tell();
