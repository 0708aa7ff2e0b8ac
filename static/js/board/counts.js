// Keeps the column counts and the sprint's progress up to date as cards come and go.

import { cardsIn, getBoard } from "./cards.js";

const board = getBoard();
if (board) {
  const head = document.querySelector(".sprint");
  board.addEventListener("board:changed", () => {
    board.querySelectorAll(".column").forEach(updateColumnCount);
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
  const count = cardsIn(list).length + Number(column.dataset.hidden || 0);
  const limit = Number(column.dataset.limit || 0);
  counter.textContent = limit ? `${count} / ${limit}` : count;
  counter.classList.toggle("over-limit", limit > 0 && count > limit);
}

function countTasks() {
  return {
    total: board.querySelectorAll("[data-task]").length,
    done: board.querySelectorAll(".state-done [data-task]").length,
  };
}

function setNumber(element, value) {
  if (element && element.textContent !== String(value)) element.textContent = value;
}
