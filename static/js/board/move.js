// Sends a dropped card's new place to the server, and confirms or reverts what the board shows.

import { HttpError, request } from "../shared/http.js";
import { reportChange, reportError } from "../shared/undo-feedback.js";
import { promptForBlocker } from "../shared/dialogs.js";
import { dismissToasts } from "../shared/toasts.js";
import {
  cardsIn, columnOf, findCard, getBoard, isBeyond, notifyBoardChanged, parseCards, placeByRank, preserveFocus,
  replaceCardContents, upsertCard,
} from "./cards.js";
import { whenUnlocked } from "./drag-lock.js";
import { reloadBoard } from "./board-sync.js";
import { animateCardFrom } from "./drag-preview.js";
import { loadMore } from "./long-lists.js";

// Pending moves by task. A second move of a card waits for the first, because it needs the version that the first
// creates. `from` is the list where the server last had the card.
const pendingMoves = new Map();
// Versions that our own moves created. A card gets its new version only once no drag is in progress.
const ownVersions = new Map();

/**
 * Sends the place that a card has on the board now.
 * @param {HTMLElement} card
 * @param {HTMLElement} from the list that it came from
 */
export function sendMove(card, from) {
  const key = card.dataset.task;
  const pending = pendingMoves.get(key) ?? { from, count: 0, done: Promise.resolve() };
  pendingMoves.set(key, pending);
  pending.count++;
  dismissToasts(key);
  const target = targetOf(card);
  // The version that the person saw when dropping the card; later ones they have not agreed to.
  if (pending.count === 1) target.version = knownVersion(card);
  notifyBoardChanged(getBoard());
  pending.done = pending.done.then(() => putCard(card, target, pending)).finally(() => {
    if (--pending.count === 0) pendingMoves.delete(key);
  });
}

/** The column, and the neighbours of the same team. An index would undo moves by other people. */
function targetOf(card) {
  const team = (key) => key.slice(0, key.lastIndexOf("-"));
  const cards = cardsIn(card.parentElement)
    .filter((other) => team(other.dataset.task) === team(card.dataset.task));
  const index = cards.indexOf(card);
  return {
    list: card.parentElement,
    column: columnOf(card).dataset.column,
    after: cards[index - 1]?.dataset.task,
    before: cards[index + 1]?.dataset.task,
  };
}

async function putCard(card, target, pending) {
  const fields = new URLSearchParams({ [getBoard().dataset.moveField ?? "column"]: target.column });
  if (target.after) fields.set("after", target.after);
  // The card below counts if the one above has left meanwhile.
  if (target.before) fields.set("before", target.before);
  fields.set("version", target.version ?? knownVersion(card));
  try {
    const response = await request(`/tasks/${card.dataset.task}/position`, { method: "PUT", fragment: "card", fields });
    const fresh = parseCards(response.html)[0];
    if (fresh) ownVersions.set(fresh.dataset.task, Number(fresh.dataset.version));
    whenUnlocked(() => confirmMove(card, target, pending, response));
  } catch (error) {
    whenUnlocked(() => revertMove(card, target, pending, error));
  }
}

function knownVersion(card) {
  return Math.max(Number(card.dataset.version), ownVersions.get(card.dataset.task) ?? 0);
}

function confirmMove(card, target, pending, response) {
  if (!card.isConnected) return reportChange(response);
  pending.from = target.list;
  const fresh = parseCards(response.html)[0];
  if (fresh) {
    // The event stream may have brought a newer version before this response.
    if (Number(fresh.dataset.version) >= Number(card.dataset.version)) replaceCardContents(card, fresh);
    if (pending.count <= 1) placeByRank(card, target.list);
    // Dropped at the end of what is loaded: the cards that follow show where it is.
    if (isBeyond(target.list, card.dataset.rank)) loadMore(target.list);
  }
  notifyBoardChanged(getBoard());
  reportChange(response);
  // In lanes by owner, a card may be shown several times.
  const copies = getBoard().querySelectorAll(`[data-task="${CSS.escape(card.dataset.task)}"]`);
  if (copies.length > 1) reloadBoard();
  promptForBlocker(card);
}

function revertMove(card, target, pending, error) {
  const key = card.dataset.task;
  if (!card.isConnected) return reportError(error, { about: key }); // archived or filtered out meanwhile
  if (error instanceof HttpError && error.problem.status === 409 && error.problem.current?.card) {
    const fresh = parseCards(error.problem.current?.card)[0];
    const rect = card.getBoundingClientRect();
    if (fresh) {
      card.dataset.version = "0"; // ours was never saved, so the server's version is newer
      upsertCard(fresh, error.problem.current.column ?? columnOf(card).dataset.column);
    }
    animateCardFrom(card, rect, 240);
    reportError(error, { about: key });
    return;
  }
  if (pending.count > 1) return; // moved again since: that move reports the outcome
  const rect = card.getBoundingClientRect();
  preserveFocus(card, () => placeByRank(card, pending.from));
  animateCardFrom(card, rect, 240);
  notifyBoardChanged(getBoard());
  reportError(error, {
    about: key,
    kept: `${key} was moved back to ${columnOf(card).dataset.name}.`,
    retry: () => retryMove(key, target),
  });
}

function retryMove(key, target) {
  const card = findCard(key);
  if (!card || !target.list.isConnected) return;
  const from = card.parentElement;
  const rect = card.getBoundingClientRect();
  const after = target.after && findCard(target.after);
  const before = target.before && findCard(target.before);
  if (after?.parentElement === target.list) after.after(card);
  else if (before?.parentElement === target.list) before.before(card);
  else target.list.append(card);
  animateCardFrom(card, rect, 200);
  sendMove(card, from);
}
