// Several cards, changed together by the bar at the foot.

import { announce } from "../shared/toasts.js";
import { ask } from "../shared/ask.js";
import { told, refused } from "../shared/changes.js";
import { cardOf, showAnswered, theBoard, whenFree } from "./cards.js";
import { askAgain } from "./truth.js";

const chosen = new Set();
let anchor = null;

const bar = () => document.querySelector("[data-bulk-bar]");
export const anySelected = () => chosen.size > 0;

export function toggle(card) {
  const key = card.dataset.task;
  if (!chosen.delete(key)) chosen.add(key);
  anchor = card;
  show();
  announce(`${key} ${chosen.has(key) ? "selected" : "no longer selected"}. ${chosen.size} selected.`);
}

/** From the last one chosen to this one, in reading order. */
export function extendTo(card) {
  const cards = [...theBoard().querySelectorAll("[data-task]")];
  const from = cards.indexOf(anchor?.isConnected ? anchor : card);
  const to = cards.indexOf(card);
  for (const each of cards.slice(Math.min(from, to), Math.max(from, to) + 1)) chosen.add(each.dataset.task);
  anchor ??= card;
  show();
  announce(`${chosen.size} selected.`);
}

export function clearSelection() {
  if (!chosen.size) return;
  chosen.clear();
  anchor = null;
  show();
  announce("Nothing selected.");
}

function show() {
  const board = theBoard();
  board.querySelectorAll(".selected").forEach((card) => card.classList.toggle("selected", chosen.has(card.dataset.task)));
  for (const key of chosen) {
    const card = cardOf(key);
    if (card) card.classList.add("selected"); else chosen.delete(key);
  }
  const form = bar();
  if (!form) return;
  form.hidden = !chosen.size;
  if (!form.ariaLabel) form.ariaLabel = "Selected tasks";
  form.querySelectorAll("input[name=keys]").forEach((field) => field.remove());
  for (const key of chosen) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "keys", value: key }));
  let count = form.querySelector("[data-bulk-count]");
  if (!count) {
    count = document.createElement("span");
    count.dataset.bulkCount = "";
    form.prepend(count);
  }
  count.textContent = `${chosen.size} selected`;
}

// one change for all, that one undo takes back; by a press, since arrows in a list pass what is not meant
addEventListener("submit", async (event) => {
  const form = event.target;
  if (form !== bar()) return;
  event.preventDefault();
  if (form.getAttribute("aria-busy") === "true") return;
  send(form, new URLSearchParams(new FormData(form, event.submitter)));
});

async function send(form, fields) {
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await ask(form.action, { method: "POST", part: "card", fields });
    whenFree(() => {
      showAnswered(answer.html);
      // what has left the filter, or was archived, is not in the answer
      askAgain(fields.getAll("keys"));
      form.reset();
      clearSelection();
      told(answer);
    });
  } catch (error) {
    refused(error, { again: () => send(form, fields), kept: "Nothing was changed; the cards are still selected." });
  } finally {
    form.removeAttribute("aria-busy");
  }
}

theBoard()?.addEventListener("board:changed", () => { if (chosen.size) show(); });
