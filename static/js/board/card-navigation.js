// Moves the focus from card to card: up and down in a column, sideways to the card beside it.

import { cardsIn, columnOf, getBoard, listsOfColumn } from "./cards.js";

/** Keys and the direction they mean. */
export const DIRECTIONS = {
  ArrowUp: "up", k: "up", ArrowDown: "down", j: "down",
  ArrowLeft: "left", h: "left", ArrowRight: "right", l: "right",
};

/**
 * Whether a direction leads to later columns. Right-to-left pages run the other way.
 * @param {string} direction `left` or `right`
 * @param {HTMLElement} board
 * @returns {boolean}
 */
export const isForward = (direction, board) =>
  (direction === "right") === (getComputedStyle(board).direction === "ltr");

/** @param {HTMLElement} card @returns {HTMLElement[]} the columns of its lane, or of the board */
export const columnsAround = (card) =>
  [...(card.closest(".lane") ?? getBoard()).querySelectorAll(".column")];

/** @param {HTMLElement} column @returns {HTMLElement} */
export const listOf = (column) => column.querySelector("ol");

/**
 * @param {HTMLElement | null} card
 * @param {string} [direction]
 * @returns {HTMLElement | null | undefined} the next card in a direction; without a card, the first of the board
 */
export function neighbourOf(card, direction) {
  if (!card) return getBoard()?.querySelector("[data-task]");
  if (direction === "up" || direction === "down") return neighbourInColumn(card, direction === "down" ? 1 : -1);
  return neighbourBeside(card, isForward(direction, getBoard()) ? 1 : -1);
}

function neighbourInColumn(card, step) {
  const cards = cardsIn(card.parentElement);
  const next = cards[cards.indexOf(card) + step];
  if (next) return next;
  // At the end of a lane, continue with the same column of the next lane.
  const lists = listsOfColumn(getBoard(), columnOf(card).dataset.column);
  for (let index = lists.indexOf(card.parentElement) + step; lists[index]; index += step) {
    const candidates = cardsIn(lists[index]);
    if (candidates.length) return step > 0 ? candidates[0] : candidates.at(-1);
  }
  return null;
}

function neighbourBeside(card, step) {
  const columns = columnsAround(card);
  const { top, height } = card.getBoundingClientRect();
  for (let index = columns.indexOf(columnOf(card)) + step; columns[index]; index += step) {
    const found = cardAtHeight(cardsIn(listOf(columns[index])), top + height / 2);
    if (found) return found;
  }
  return null;
}

/**
 * @param {HTMLElement[]} cards
 * @param {number} y
 * @returns {HTMLElement | null} the card at or below a height, else the last one; null if there are no cards
 */
export function cardAtHeight(cards, y) {
  let low = 0;
  let high = cards.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cards[middle].getBoundingClientRect().bottom < y) low = middle + 1;
    else high = middle;
  }
  return cards[low] ?? null;
}
