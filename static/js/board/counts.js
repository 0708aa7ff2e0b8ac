// Keeps the column counts and the sprint's progress up to date as cards come and go.

import { cardsIn, moreOf, pageBoard } from "./cards.js";

pageBoard?.addEventListener("board:changed", updateAllCounts);

function updateAllCounts() {
  pageBoard.querySelectorAll(".column").forEach(updateColumnCount);
  const { total, done } = countTasks();
  document.querySelector(".empty")?.toggleAttribute("hidden", total > 0);
  // The head counts the cards that match, whatever the filter.
  const head = document.querySelector(".sprint");
  setNumber(head?.querySelector("[data-done]"), done);
  setNumber(head?.querySelector("[data-total]"), total);
}

/** @param {HTMLElement} list @returns {number} all of its cards, also those that are not loaded yet */
export const countIn = (list) => cardsIn(list).length + Number(moreOf(list)?.dataset.rest ?? 0);

/** `data-hidden` counts tasks of the column that have no card on the page. */
function updateColumnCount(column) {
  const counter = column.querySelector("[data-count]");
  const list = column.querySelector("ol");
  if (!counter || !list) return;
  const shown = countIn(list);
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
    column.dataset.hidden = Math.max(0, total - countIn(column.querySelector("ol")));
    updateColumnCount(column);
  }
}

/**
 * The server has counted the cards of all columns. Those that are not on this page are to be loaded.
 * @param {{ column: string, count: number }[]} counts
 */
export function setCounts(counts) {
  for (const { column, count } of counts) {
    const list = pageBoard.querySelector(`:scope > [data-column="${CSS.escape(column)}"] > ol`);
    const more = list && moreOf(list);
    if (!more) continue;
    const rest = Math.max(0, count - cardsIn(list).length);
    more.dataset.rest = rest;
    more.querySelector("a").textContent = `Show ${rest} more`;
  }
  updateAllCounts();
}

function countTasks() {
  const count = (selector) =>
    [...pageBoard.querySelectorAll(selector)].reduce((sum, list) => sum + countIn(list), 0);
  return { total: count(".column > ol"), done: count(".state-done > ol") };
}

function setNumber(element, value) {
  if (element && element.textContent !== String(value)) element.textContent = value;
}
