// Cards on the board: finding, placing, replacing them. What the server sent is put where the
// server says it stands; nothing in here asks for anything.

import { fly } from "./flight.js";

export const theBoard = () => document.querySelector("sortable-board");
export const inLanes = (board) => Boolean(board.querySelector(":scope > .lane"));
export const cardsIn = (list) => [...list.children].filter((item) => item.dataset.task);
export const listsOf = (board, column) =>
  [...board.querySelectorAll(`[data-column="${CSS.escape(column)}"] > ol`)];
export const cardOf = (key) => theBoard()?.querySelector(`[data-task="${CSS.escape(key)}"]`);
export const columnOf = (card) => card.closest(".column");

export function readCards(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return [...template.content.querySelectorAll("li[data-task]")];
}

/**
 * Put what the server sent on the board. Older than what is shown: ignored, because answers and
 * stream race. `hue` is somebody else's: their change glides and glows.
 */
export function showCard(fresh, column, { hue = null } = {}) {
  const board = theBoard();
  if (!board) return;
  // a board of several teams has a column a state, whatever the teams call theirs
  const lists = listsOf(board, (board.dataset.places && fresh.dataset.state) || column);
  const card = cardOf(fresh.dataset.task);
  // which lane a new one belongs to, only the server knows; the others stay in theirs until it is asked
  if (!card && inLanes(board)) return;
  const list = inLanes(board) && card ? lists.find((one) => one.closest(".lane") === card.closest(".lane")) : lists[0];
  if (!list) return removeCard(fresh.dataset.task); // gone to a column that is not shown
  fresh.removeAttribute("data-column");
  fresh.removeAttribute("data-state");
  if (!card) {
    placeByRank(fresh, list);
    glow(fresh, hue);
    changed(board);
    return;
  }
  const [had, has] = [Number(card.dataset.version), Number(fresh.dataset.version)];
  if (has < had || (has === had && card.parentElement === list && card.dataset.rank === fresh.dataset.rank)) return;
  const from = hue === null ? null : card.getBoundingClientRect();
  replaceCard(card, fresh);
  const moved = placeByRank(card, list);
  if (moved && from) fly(card, from, 260);
  glow(card, hue);
  changed(board);
}

/** The same element with new contents: focus, selection and a drag under way keep hold of it. */
export function replaceCard(card, fresh) {
  const focused = card.contains(document.activeElement) ? document.activeElement : null;
  const mine = ["selected", "lifted", "drop-target"].filter((name) => card.classList.contains(name));
  for (const { name } of [...card.attributes]) if (!fresh.hasAttribute(name) && name !== "hidden") card.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (name !== "data-column" && name !== "data-state") card.setAttribute(name, value);
  card.classList.add(...mine);
  card.replaceChildren(...fresh.childNodes);
  if (focused) (card.querySelector(focused.matches(".menu") ? ".menu" : "h3 a") ?? card).focus({ preventScroll: true });
}

/** Ranks are compared as plain strings, like in the database (COLLATE "C"). True if it moved. */
export function placeByRank(card, list) {
  const rank = card.dataset.rank ?? "";
  const next = cardsIn(list).find((other) => other !== card && (other.dataset.rank ?? "") > rank)
    ?? list.querySelector(":scope > .new");
  if (card.parentElement === list && nextCard(card) === next) return false;
  keepFocus(card, () => list.insertBefore(card, next));
  return true;
}

function nextCard(card) {
  let next = card.nextElementSibling;
  while (next && !next.dataset.task && !next.classList.contains("new")) next = next.nextElementSibling;
  return next;
}

/** Moving a node takes the focus away from what is in it. */
export function keepFocus(card, move) {
  const focused = card.contains(document.activeElement) ? document.activeElement : null;
  move();
  focused?.focus({ preventScroll: true });
}

export function removeCard(key) {
  const board = theBoard();
  board?.querySelectorAll(`[data-task="${CSS.escape(key)}"]`).forEach((card) => card.remove());
  if (board) changed(board);
}

/** Every card in an answer, where we know its column. Gives back the keys. */
export function showAnswered(html) {
  return readCards(html).map((fresh) => {
    const key = fresh.dataset.task;
    const shown = cardOf(key);
    const column = fresh.dataset.column ?? (shown && columnOf(shown).dataset.column);
    if (column) showCard(fresh, column);
    return key;
  });
}

function glow(card, hue) {
  if (hue === null || hue === undefined) return;
  const ring = document.createElement("span");
  ring.className = `ring hue-${hue}`;
  ring.setAttribute("aria-hidden", "true");
  ring.addEventListener("animationend", () => ring.remove());
  card.append(ring);
}

// Counts, tab stops and names along the top follow once, however many cards changed.
let telling = false;
export function changed(board) {
  if (telling) return;
  telling = true;
  queueMicrotask(() => { telling = false; board.dispatchEvent(new Event("board:changed", { bubbles: true })); });
}

// While a card is in the hand nothing else may move: what arrives meanwhile waits here.
let held = 0;
const waiting = [];
export const hold = () => { held++; };
export const release = () => { if (--held === 0) waiting.splice(0).forEach((run) => run()); };
export const whenFree = (run) => { if (held) waiting.push(run); else run(); };
