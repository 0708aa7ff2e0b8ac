// Keeps the column counts and the sprint's progress up to date as cards come and go.

import { cardsIn, pageBoard } from "./cards.js";

if (pageBoard) {
  const head = document.querySelector(".sprint");
  pageBoard.addEventListener("board:changed", () => {
    pageBoard.querySelectorAll(".column").forEach(updateColumnCount);
    const { total, done } = countTasks();
    document.querySelector(".empty")?.toggleAttribute("hidden", total > 0);
    // The head counts the cards that are shown, whatever the filter.
    setNumber(head?.querySelector("[data-done]"), done);
    setNumber(head?.querySelector("[data-total]"), total);
  });
}

/** `data-hidden` counts tasks of the column that have no card on the page. */
function updateColumnCount(column) {
  const counter = column.querySelector("[data-count]");
  const list = column.querySelector("ol");
  if (!counter || !list) return;
  const shown = cardsIn(list).length;
  const hidden = Number(column.dataset.hidden || 0);
  const count = shown + hidden;
  const limit = Number(column.dataset.limit || 0);
  const text = limit ? `${count} / ${limit}` : count;
  counter.textContent = limit && hidden ? `${shown} shown, ${text}` : text;
  counter.classList.toggle("over-limit", limit > 0 && count > limit);
}

/**
 * The server has counted the columns with a limit. What has no card on this page is hidden by the filter.
 * @param {Record<string, number>} totals by column
 */
export function setTotals(totals) {
  for (const column of pageBoard.querySelectorAll(":scope > .column[data-limit]")) {
    const total = totals[column.dataset.column];
    if (total === undefined) continue;
    column.dataset.hidden = Math.max(0, total - cardsIn(column.querySelector("ol")).length);
    updateColumnCount(column);
  }
}

function countTasks() {
  return {
    total: pageBoard.querySelectorAll("[data-task]").length,
    done: pageBoard.querySelectorAll(".state-done [data-task]").length,
  };
}

function setNumber(element, value) {
  if (element && element.textContent !== String(value)) element.textContent = value;
}
