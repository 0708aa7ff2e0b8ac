// Finds, places and updates the cards on the board. Nothing in this module sends a request.

import { animateCardFrom } from "./drag-preview.js";

/** @returns {HTMLElement | null} the board of this page, if it has one */
export const getBoard = () => document.querySelector("sortable-board");

/** The same, as it was when the page was loaded. */
export const pageBoard = getBoard();

/** @param {HTMLElement} board */
export const hasLanes = (board) => Boolean(board.querySelector(":scope > .lane"));

/** @param {HTMLElement} list @returns {HTMLElement[]} */
export const cardsIn = (list) => [...list.children].filter((item) => item.dataset.task);

/** @param {HTMLElement} list or a board @returns {HTMLElement | null} the link to its cards that are not loaded yet */
export const moreOf = (list) => list.querySelector(".more");

/**
 * Whether a rank belongs to the part of a list that is not loaded yet.
 * @param {HTMLElement} list
 * @param {string} rank
 * @returns {boolean}
 */
export const isBeyond = (list, rank) => (moreOf(list)?.dataset.after ?? "\uffff") < rank;

/** @param {HTMLElement} list @returns {HTMLElement | null} what comes after its last card */
export const endOf = (list) => list.querySelector(":scope > :is(.more, .new)");

/** @param {HTMLElement} board @param {string} column @returns {HTMLElement[]} one list, or one for each lane */
export const listsOfColumn = (board, column) =>
  [...board.querySelectorAll(`[data-column="${CSS.escape(column)}"] > ol`)];

/** @param {string} key such as INF-42 @returns {HTMLElement | null | undefined} */
export const findCard = (key) => getBoard()?.querySelector(`[data-task="${CSS.escape(key)}"]`);

/** @param {HTMLElement} card @returns {HTMLElement} */
export const columnOf = (card) => card.closest(".column");

/** @param {string} html @returns {HTMLElement[]} */
export function parseCards(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return [...template.content.querySelectorAll("li[data-task]")];
}

/**
 * Adds or updates a card that the server sent. A version older than the one shown is ignored, because responses and
 * the event stream race.
 * @param {HTMLElement} fresh
 * @param {string} column
 * @param {{ hue?: number | null, isNew?: boolean }} [options] `hue` is the colour of another person, whose change is
 *   animated and highlighted; a card that is new in this window is shown even if the cards above it are not loaded
 */
export function upsertCard(fresh, column, { hue = null, isNew = false } = {}) {
  const board = getBoard();
  if (!board) return;
  // A board across teams has one column for each state, whatever the teams call their columns.
  const lists = listsOfColumn(board, (board.dataset.moveField && fresh.dataset.state) || column);
  const card = findCard(fresh.dataset.task);
  // Only the server knows the lane of a new card. Known cards stay in theirs until the board is reloaded.
  if (!card && hasLanes(board)) return;
  const list = hasLanes(board) && card
    ? lists.find((candidate) => candidate.closest(".lane") === card.closest(".lane"))
    : lists[0];
  if (!list) return removeCard(fresh.dataset.task); // moved to a column that is not shown
  fresh.removeAttribute("data-column");
  fresh.removeAttribute("data-state");
  // A card that was added in this window stays below the link to those that are not loaded.
  const isApart = card && card.parentElement === list && moreOf(list)?.compareDocumentPosition(card) & 4;
  if (isBeyond(list, fresh.dataset.rank ?? "") && !isApart) {
    if (!isNew) return removeCard(fresh.dataset.task);
    list.insertBefore(fresh, list.querySelector(":scope > .new"));
    notifyBoardChanged(board);
    return;
  }
  if (!card) {
    placeByRank(fresh, list);
    highlight(fresh, hue);
    notifyBoardChanged(board);
    return;
  }
  const shownVersion = Number(card.dataset.version);
  const freshVersion = Number(fresh.dataset.version);
  const isInPlace = card.parentElement === list && card.dataset.rank === fresh.dataset.rank;
  if (freshVersion < shownVersion || (freshVersion === shownVersion && isInPlace)) return;
  const from = hue === null ? null : card.getBoundingClientRect();
  replaceCardContents(card, fresh);
  const moved = placeByRank(card, list);
  if (moved && from) animateCardFrom(card, from, 260);
  highlight(card, hue);
  notifyBoardChanged(board);
}

/**
 * Updates a card in place. The element stays the same, so that focus, selection and a drag in progress survive.
 * @param {HTMLElement} card
 * @param {HTMLElement} fresh
 */
export function replaceCardContents(card, fresh) {
  const focused = card.contains(document.activeElement) ? document.activeElement : null;
  const localClasses = ["selected", "lifted", "drop-target"].filter((name) => card.classList.contains(name));
  for (const { name } of [...card.attributes]) {
    if (!fresh.hasAttribute(name) && name !== "hidden") card.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (name !== "data-column" && name !== "data-state") card.setAttribute(name, value);
  }
  card.classList.add(...localClasses);
  card.replaceChildren(...fresh.childNodes);
  if (!focused) return;
  const target = card.querySelector(focused.matches(".menu") ? ".menu" : "h3 a") ?? card;
  target.focus({ preventScroll: true });
}

/**
 * Puts a card where its rank belongs. Ranks are compared as plain strings, as in the database (COLLATE "C").
 * @param {HTMLElement} card
 * @param {HTMLElement} list
 * @returns {boolean} whether the card moved
 */
export function placeByRank(card, list) {
  const rank = card.dataset.rank ?? "";
  const next = cardsIn(list).find((other) => other !== card && (other.dataset.rank ?? "") > rank)
    ?? endOf(list);
  if (card.parentElement === list && nextCard(card) === next) return false;
  preserveFocus(card, () => list.insertBefore(card, next));
  return true;
}

function nextCard(card) {
  let next = card.nextElementSibling;
  while (next && !next.dataset.task && !next.matches(".more, .new")) next = next.nextElementSibling;
  return next;
}

/**
 * Keeps the focus inside a card while `move` moves it: moving a node in the document drops its focus.
 * @param {HTMLElement} card
 * @param {() => void} move
 */
export function preserveFocus(card, move) {
  const focused = card.contains(document.activeElement) ? document.activeElement : null;
  move();
  focused?.focus({ preventScroll: true });
}

/** @param {string} key */
export function removeCard(key) {
  const board = getBoard();
  board?.querySelectorAll(`[data-task="${CSS.escape(key)}"]`).forEach((card) => card.remove());
  if (board) notifyBoardChanged(board);
}

/**
 * Adds or updates every card in a response whose column is known.
 * @param {string} html
 * @returns {string[]} the keys of all cards in the response
 */
export function applyResponseCards(html) {
  return parseCards(html).map((fresh) => {
    const key = fresh.dataset.task;
    const shown = findCard(key);
    const column = fresh.dataset.column ?? (shown && columnOf(shown).dataset.column);
    if (column) upsertCard(fresh, column);
    return key;
  });
}

function highlight(card, hue) {
  if (hue === null || hue === undefined) return;
  const ring = document.createElement("span");
  ring.className = `ring hue-${hue}`;
  ring.setAttribute("aria-hidden", "true");
  ring.addEventListener("animationend", () => ring.remove());
  card.append(ring);
}

let notifying = false;

/**
 * Dispatches `board:changed` once, however many cards changed in this task. Counts, tab stops and column tabs listen.
 * @param {HTMLElement} board
 */
export function notifyBoardChanged(board) {
  if (notifying) return;
  notifying = true;
  queueMicrotask(() => {
    notifying = false;
    board.dispatchEvent(new Event("board:changed", { bubbles: true }));
  });
}
