// Selects several cards and changes them together with the bulk bar.

import { announce } from "../shared/toasts.js";
import { request } from "../shared/http.js";
import { reportChange, reportError } from "../shared/undo-feedback.js";
import { applyResponseCards, findCard, getBoard } from "./cards.js";
import { whenUnlocked } from "./drag-lock.js";
import { refreshCards } from "./board-sync.js";

const selectedKeys = new Set();
let anchor = null;

const bulkBar = () => document.querySelector("[data-bulk-bar]");

/** @returns {boolean} */
export const hasSelection = () => selectedKeys.size > 0;

/** @param {HTMLElement} card */
export function toggleSelection(card) {
  const key = card.dataset.task;
  if (!selectedKeys.delete(key)) selectedKeys.add(key);
  anchor = card;
  render();
  announce(`${key} ${selectedKeys.has(key) ? "selected" : "deselected"}. ${countText()}.`);
}

/**
 * Selects everything from the last selected card to this one, in reading order.
 * @param {HTMLElement} card
 */
export function extendSelection(card) {
  const cards = [...getBoard().querySelectorAll("[data-task]")];
  const from = cards.indexOf(anchor?.isConnected ? anchor : card);
  const to = cards.indexOf(card);
  for (const each of cards.slice(Math.min(from, to), Math.max(from, to) + 1)) selectedKeys.add(each.dataset.task);
  anchor ??= card;
  render();
  announce(`${countText()}.`);
}

/** Deselects all cards. */
export function clearSelection() {
  if (!selectedKeys.size) return;
  selectedKeys.clear();
  anchor = null;
  render();
  announce("Selection cleared.");
}

function render() {
  const board = getBoard();
  board.querySelectorAll(".selected")
    .forEach((card) => card.classList.toggle("selected", selectedKeys.has(card.dataset.task)));
  for (const key of selectedKeys) {
    const card = findCard(key);
    if (card) card.classList.add("selected");
    else selectedKeys.delete(key);
  }
  const form = bulkBar();
  if (!form) return;
  form.hidden = !selectedKeys.size;
  if (!form.ariaLabel) form.ariaLabel = "Selected tasks";
  form.querySelectorAll("input[name=keys]").forEach((field) => field.remove());
  for (const key of selectedKeys) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "keys", value: key }));
  }
  let count = form.querySelector("[data-bulk-count]");
  if (!count) {
    count = document.createElement("span");
    count.dataset.bulkCount = "";
    form.prepend(count);
  }
  count.textContent = countText();
}

const countText = () => (selectedKeys.size === 1 ? "1 task selected" : `${selectedKeys.size} tasks selected`);

// The bar is one form with a button: one change for all fields, which one undo reverts. Sending on every change would
// send each value that the arrow keys pass in a list.
addEventListener("submit", async (event) => {
  const form = event.target;
  if (form !== bulkBar()) return;
  event.preventDefault();
  if (form.getAttribute("aria-busy") === "true") return;
  sendBulkChange(form, new URLSearchParams(new FormData(form, event.submitter)));
});

async function sendBulkChange(form, fields) {
  form.setAttribute("aria-busy", "true");
  try {
    const response = await request(form.action, { method: "POST", fragment: "card", fields });
    whenUnlocked(() => {
      applyResponseCards(response.html);
      // The response leaves out archived cards and those that no longer match the filter.
      refreshCards(fields.getAll("keys"));
      form.reset();
      clearSelection();
      reportChange(response);
    });
  } catch (error) {
    reportError(error, {
      retry: () => sendBulkChange(form, fields),
      kept: "Nothing was changed. The tasks are still selected.",
    });
  } finally {
    form.removeAttribute("aria-busy");
  }
}

getBoard()?.addEventListener("board:changed", () => {
  if (selectedKeys.size) render();
});
