// A card carried by keys: Space picks it up, arrows move it, Space or Enter puts it down, Escape
// takes it back. The card itself moves, so that the reader stays with it.

import { announce } from "../shared/toasts.js";
import { cardsIn, changed, columnOf, hold, keepFocus, release, theBoard } from "./cards.js";
import { columnsAround, forwards, listOf, nearest } from "./walk.js";
import { sendMove } from "./move.js";

let carried = null;
export const carrying = () => carried;

export function pickUp(card) {
  hold();
  carried = { card, list: card.parentElement, next: card.nextElementSibling };
  card.classList.add("lifted");
  // another card pressed, or the window left: it was not put down, so it goes back
  carried.away = new AbortController();
  addEventListener("pointerdown", putBack, { signal: carried.away.signal, capture: true });
  announce(`${card.dataset.task} picked up. ${where(card)}. Arrows move it, Space drops it, Escape returns it.`);
}

/** True if the key was for the card in the hand. */
export function carryBy(key, direction) {
  if (!carried) return false;
  if (direction) move(direction);
  else if (key === " " || key === "Enter") putDown();
  else if (key === "Escape") putBack();
  else if (key === "Tab") { putBack(); return false; }
  return true;
}

function move(direction) {
  const { card } = carried;
  const up = direction === "up", down = direction === "down";
  let list = card.parentElement, before;
  if (up || down) {
    const cards = cardsIn(list);
    const at = cards.indexOf(card);
    if (up ? at === 0 : at === cards.length - 1) { announce(up ? "At the top." : "At the bottom."); return; }
    before = cards[up ? at - 1 : at + 2] ?? null;
  } else {
    const columns = columnsAround(card);
    const column = columns[columns.indexOf(columnOf(card)) + (forwards(direction, theBoard()) ? 1 : -1)];
    if (!column) { announce("No column there."); return; }
    list = listOf(column);
    before = nearest(cardsIn(list), card.getBoundingClientRect().top);
    // below the last one, if that is where the eye was
    if (before && before.getBoundingClientRect().bottom < card.getBoundingClientRect().top) before = null;
  }
  keepFocus(card, () => list.insertBefore(card, before ?? list.querySelector(":scope > .new")));
  card.scrollIntoView({ block: "nearest", inline: "nearest" });
  announce(`Moved to ${where(card)}.`);
}

function putDown() {
  const { card, list, next } = carried;
  const stays = card.parentElement === list && card.nextElementSibling === next;
  announce(`${card.dataset.task} dropped. ${where(card)}.`);
  if (!stays) sendMove(card, list);
  end();
}

function putBack() {
  const { card, list, next } = carried;
  keepFocus(card, () => list.insertBefore(card, next));
  card.scrollIntoView({ block: "nearest", inline: "nearest" });
  announce(`${card.dataset.task} returned. ${where(card)}.`);
  end();
}

function end() {
  carried.card.classList.remove("lifted");
  carried.away.abort();
  carried = null;
  changed(theBoard());
  release();
}

function where(card) {
  const cards = cardsIn(card.parentElement);
  return `${columnOf(card).dataset.name}, ${cards.indexOf(card) + 1} of ${cards.length}`;
}
