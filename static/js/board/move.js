// A card has been put down: tell the server, and keep or take back what is on the screen.

import { ask, Refused } from "../shared/ask.js";
import { told, refused } from "../shared/changes.js";
import { askWhatItWaitsOn } from "../elements/task-dialog.js";
import { announce, hush } from "../shared/toasts.js";
import { cardOf, cardsIn, changed, columnOf, keepFocus, placeByRank, readCards, replaceCard, showCard, theBoard, whenFree } from "./cards.js";
import { resetBoard } from "./truth.js";
import { fly } from "./flight.js";

// Where the server last had it. A card moved twice before the first answer sends one after the
// other: the second needs the version that the first makes.
const onTheWay = new Map();
// The versions that our own moves made. The card learns its own only when the hand is free again.
const made = new Map();

export function sendMove(card, from) {
  const key = card.dataset.task;
  const way = onTheWay.get(key) ?? { from, left: 0, done: Promise.resolve() };
  onTheWay.set(key, way);
  way.left++;
  hush(key);
  const to = placeOf(card);
  // the version that the eye saw: what arrives from now on has not been agreed to
  if (way.left === 1) to.version = seen(card);
  changed(theBoard());
  way.done = way.done.then(() => move(card, to, way)).finally(() => {
    if (--way.left === 0) onTheWay.delete(key);
  });
}

/** The column, and the neighbour of its team that it was dropped beside: indexes would undo other people's moves. */
function placeOf(card) {
  const team = (key) => key.slice(0, key.lastIndexOf("-"));
  const cards = cardsIn(card.parentElement).filter((other) => team(other.dataset.task) === team(card.dataset.task));
  const at = cards.indexOf(card);
  return { list: card.parentElement, column: columnOf(card).dataset.column, after: cards[at - 1]?.dataset.task, before: cards[at + 1]?.dataset.task };
}

async function move(card, to, way) {
  const fields = new URLSearchParams({ [theBoard().dataset.places ?? "column"]: to.column });
  if (to.after) fields.set("after", to.after);
  // the one below, for the case that the one above has left meanwhile
  if (to.before) fields.set("before", to.before);
  fields.set("version", to.version ?? seen(card));
  try {
    const answer = await ask(`/tasks/${card.dataset.task}/position`, { method: "PUT", part: "card", fields });
    const fresh = readCards(answer.html)[0];
    if (fresh) made.set(fresh.dataset.task, Number(fresh.dataset.version));
    whenFree(() => settle(card, to, way, answer));
  } catch (error) {
    whenFree(() => takeBack(card, to, way, error));
  }
}

function seen(card) {
  return Math.max(Number(card.dataset.version), made.get(card.dataset.task) ?? 0);
}

function settle(card, to, way, answer) {
  if (!card.isConnected) return told(answer);
  way.from = to.list;
  const fresh = readCards(answer.html)[0];
  if (fresh) {
    // somebody may have changed it again, and the stream been quicker than the answer
    if (Number(fresh.dataset.version) >= Number(card.dataset.version)) replaceCard(card, fresh);
    if (way.left <= 1) placeByRank(card, to.list);
  }
  changed(theBoard());
  told(answer);
  // with lanes by owner a card may stand in several
  if (theBoard().querySelectorAll(`[data-task="${CSS.escape(card.dataset.task)}"]`).length > 1) resetBoard();
  askWhatItWaitsOn(card);
}

function takeBack(card, to, way, error) {
  const key = card.dataset.task;
  if (!card.isConnected) return refused(error, { about: key }); // archived, or left the filter meanwhile
  if (error instanceof Refused && error.problem.status === 409 && error.problem.current?.card) {
    const fresh = readCards(error.problem.current?.card)[0];
    const was = card.getBoundingClientRect();
    if (fresh) {
      card.dataset.version = "0"; // ours was a wish: whatever the server holds is newer
      showCard(fresh, error.problem.current.column ?? columnOf(card).dataset.column);
    }
    fly(card, was, 240);
    refused(error, { about: key });
    announce(error.message);
    return;
  }
  if (way.left > 1) return; // it has been moved again since: that one will tell
  const was = card.getBoundingClientRect();
  keepFocus(card, () => placeByRank(card, way.from));
  fly(card, was, 240);
  changed(theBoard());
  announce(`${key} returned to ${columnOf(card).dataset.name}. ${error.message}`);
  refused(error, { about: key, kept: `${key} is back in ${columnOf(card).dataset.name}.`, again: () => again(key, to) });
}

function again(key, to) {
  const card = cardOf(key);
  if (!card || !to.list.isConnected) return;
  const from = card.parentElement;
  const was = card.getBoundingClientRect();
  const after = to.after && cardOf(to.after);
  const before = to.before && cardOf(to.before);
  if (after?.parentElement === to.list) after.after(card);
  else if (before?.parentElement === to.list) before.before(card);
  else to.list.append(card);
  fly(card, was, 200);
  sendMove(card, from);
}
