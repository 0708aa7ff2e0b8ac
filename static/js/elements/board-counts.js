// How many cards a column shows, and how far the sprint is, as cards come and go.

import { cardsIn, theBoard } from "../board/cards.js";

const board = theBoard();
if (board) {
  const head = document.querySelector(".sprint");
  board.addEventListener("board:changed", () => {
    board.querySelectorAll(".column").forEach(count);
    const now = tally();
    // "nothing here yet" is no longer so
    document.querySelector(".empty")?.toggleAttribute("hidden", now.all > 0);
    // the head speaks of what is shown, whatever the filter
    set(head?.querySelector("[data-done]"), now.done);
    set(head?.querySelector("[data-total]"), now.all);
  });
}

/** `data-hidden` is what the figure counts beyond the cards that are here. */
function count(column) {
  const figure = column.querySelector("[data-count]");
  const list = column.querySelector("ol");
  if (!figure || !list) return;
  const cards = cardsIn(list).length + Number(column.dataset.hidden || 0);
  const limit = Number(column.dataset.limit || 0);
  figure.textContent = limit ? `${cards} / ${limit}` : cards;
  figure.classList.toggle("over", limit > 0 && cards > limit);
}

function tally() {
  return {
    all: board.querySelectorAll("[data-task]").length,
    done: board.querySelectorAll(".state-done [data-task]").length,
  };
}

function set(figure, to) {
  if (figure && figure.textContent !== String(to)) figure.textContent = to;
}
