// Moves a card by keyboard: Space picks it up, arrows move it, Space or Enter drops it, Escape cancels.
// The card itself moves, so that focus and screen readers stay on it.

import { announce } from "../shared/toasts.js";
import { cardsIn, columnOf, endOf, getBoard, moreOf, notifyBoardChanged, preserveFocus } from "./cards.js";
import { countIn } from "./counts.js";
import { lockBoard, unlockBoard } from "./drag-lock.js";
import { cardAtHeight, columnsAround, isForward, listOf } from "./card-navigation.js";
import { loadMore } from "./long-lists.js";
import { sendMove } from "./move.js";

let drag = null;

/** @returns {boolean} whether a card is being moved by keyboard */
export const isKeyboardDragging = () => drag !== null;

/** @param {HTMLElement} card */
export function pickUpCard(card) {
  lockBoard();
  drag = { card, list: card.parentElement, next: card.nextElementSibling };
  card.classList.add("lifted");
  // A press elsewhere is not a drop: the card goes back.
  drag.listeners = new AbortController();
  addEventListener("pointerdown", cancel, { signal: drag.listeners.signal, capture: true });
  announce(`${card.dataset.task} picked up. ${position(card)}. Arrow keys to move, Space to drop, Escape to cancel.`);
}

/**
 * Handles a key while a card is being moved.
 * @param {string} key
 * @param {string | undefined} direction
 * @returns {boolean} whether the key was handled
 */
export function handleDragKey(key, direction) {
  if (!drag) return false;
  if (direction) moveCard(direction);
  else if (key === " " || key === "Enter") drop();
  else if (key === "Escape") cancel();
  else if (key === "Tab") {
    cancel();
    return false;
  }
  return true;
}

function moveCard(direction) {
  const { card } = drag;
  const up = direction === "up";
  const down = direction === "down";
  let list = card.parentElement;
  let before;
  if (up || down) {
    const cards = cardsIn(list);
    const index = cards.indexOf(card);
    if (down && card.nextElementSibling === moreOf(list) && moreOf(list)) {
      loadMore(list).then(() => drag?.card === card && card.nextElementSibling?.dataset.task && moveCard(direction));
      return;
    }
    if (up ? index === 0 : index === cards.length - 1) {
      announce(up ? "Already at the top of the column." : "Already at the bottom of the column.");
      return;
    }
    before = cards[up ? index - 1 : index + 2] ?? null;
  } else {
    const columns = columnsAround(card);
    const column = columns[columns.indexOf(columnOf(card)) + (isForward(direction, getBoard()) ? 1 : -1)];
    if (!column) {
      announce("No column in this direction.");
      return;
    }
    list = listOf(column);
    before = cardAtHeight(cardsIn(list), card.getBoundingClientRect().top);
    // Below the last card, if the card came from further down.
    if (before && before.getBoundingClientRect().bottom < card.getBoundingClientRect().top) before = null;
  }
  preserveFocus(card, () => list.insertBefore(card, before ?? endOf(list)));
  card.scrollIntoView({ block: "nearest", inline: "nearest" });
  announce(`Moved to ${position(card)}.`);
}

function drop() {
  const { card, list, next } = drag;
  const unmoved = card.parentElement === list && card.nextElementSibling === next;
  // The toast announces the move.
  if (unmoved) announce(`${card.dataset.task} was not moved.`);
  else sendMove(card, list);
  end();
}

function cancel() {
  const { card, list, next } = drag;
  preserveFocus(card, () => list.insertBefore(card, next));
  card.scrollIntoView({ block: "nearest", inline: "nearest" });
  announce(`Move cancelled. ${card.dataset.task} is back in ${position(card)}.`);
  end();
}

function end() {
  drag.card.classList.remove("lifted");
  drag.listeners.abort();
  drag = null;
  notifyBoardChanged(getBoard());
  unlockBoard();
}

function position(card) {
  const cards = cardsIn(card.parentElement);
  return `${columnOf(card).dataset.name}, ${cards.indexOf(card) + 1} of ${countIn(card.parentElement)}`;
}
