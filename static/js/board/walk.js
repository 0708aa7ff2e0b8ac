// From card to card with the arrows: up and down in a column, sideways to what stands beside it.

import { cardsIn, columnOf, theBoard } from "./cards.js";

export const DIRECTIONS = {
  ArrowUp: "up", k: "up", ArrowDown: "down", j: "down",
  ArrowLeft: "left", h: "left", ArrowRight: "right", l: "right",
};

/** Left and right as the reader sees them, also where the page runs from right to left. */
export const forwards = (direction, board) =>
  (direction === "right") === (getComputedStyle(board).direction === "ltr");

/** The columns a card can be carried through: its lane's, or the board's. */
export const columnsAround = (card) =>
  [...(card.closest(".lane") ?? theBoard()).querySelectorAll(".column")];

export const listOf = (column) => column.querySelector("ol");

export function neighbourOf(card, direction) {
  if (!card) return theBoard()?.querySelector("[data-task]");
  if (direction === "up" || direction === "down") return inColumn(card, direction === "down" ? 1 : -1);
  return beside(card, forwards(direction, theBoard()) ? 1 : -1);
}

function inColumn(card, step) {
  const cards = cardsIn(card.parentElement);
  const next = cards[cards.indexOf(card) + step];
  if (next) return next;
  // past the end of a lane's column the same column goes on in the next lane
  const same = [...theBoard().querySelectorAll(`[data-column="${CSS.escape(columnOf(card).dataset.column)}"] > ol`)];
  for (let at = same.indexOf(card.parentElement) + step; same[at]; at += step) {
    const there = cardsIn(same[at]);
    if (there.length) return step > 0 ? there[0] : there.at(-1);
  }
  return null;
}

function beside(card, step) {
  const columns = columnsAround(card);
  const { top, height } = card.getBoundingClientRect();
  for (let at = columns.indexOf(columnOf(card)) + step; columns[at]; at += step) {
    const found = nearest(cardsIn(listOf(columns[at])), top + height / 2);
    if (found) return found;
  }
  return null;
}

/** The card at a height; an empty answer only from an empty column. */
export function nearest(cards, y) {
  let low = 0, high = cards.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cards[middle].getBoundingClientRect().bottom < y) low = middle + 1; else high = middle;
  }
  return cards[low] ?? null;
}
