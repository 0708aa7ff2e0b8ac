// The board from the keyboard. Tab reaches one card; arrows go on from there.

import { ask } from "../shared/ask.js";
import { told, refused, undoLast } from "../shared/changes.js";
import { cardOf, cardsIn, columnOf, removeCard, showAnswered, theBoard, whenFree } from "../board/cards.js";
import { askAgain } from "../board/truth.js";
import { DIRECTIONS, neighbourOf } from "../board/walk.js";
import { carryBy, carrying, pickUp } from "../board/lift.js";
import { anySelected, clearSelection, extendTo, toggle } from "../board/selection.js";
import { openSmall, showSmall } from "./task-dialog.js";
import { writeIn } from "./new-task.js";

if (location.hash === "#find") goTo(document.getElementById("find"));

let current = null; // the key of the card that Tab reaches

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
  if (document.querySelector("dialog:modal")) return keysInDialog(event);
  const board = theBoard();
  const card = event.target.closest?.("[data-task]");
  if (carrying()) {
    if (carryBy(event.key, DIRECTIONS[event.key])) event.preventDefault();
    return;
  }
  if (act(event, board, card)) event.preventDefault();
});

function act(event, board, card) {
  const { key } = event;
  if (key === "?") return showKeys();
  if (key === "u") return undoLast() ?? true;
  if (key === "/") return goTo(document.querySelector(".search input[name=q]"));
  if (!board) return press(key);
  if (DIRECTIONS[key]) {
    // arrows scroll the page, unless a card is where the reader is
    if (!card && key.startsWith("Arrow") && event.target !== document.body) return false;
    return focusCard(card ? neighbourOf(card, DIRECTIONS[key]) : cardOf(current) ?? neighbourOf(null));
  }
  if (key === "Escape" && anySelected()) return clearSelection() ?? true;
  if (!("editable" in board.dataset)) return press(key);
  if (key === "c" && board.dataset.team) return writeIn(card ? columnOf(card) : columnInSight(board)) ?? true;
  if (!card) return press(key);
  const onTitle = event.target.matches("h3 a");
  const address = `/tasks/${card.dataset.task}`;
  switch (key) {
    case " ": return onTitle && (pickUp(card) ?? true);
    case "m": return openSmall(`${address}/move`) && true;
    case "b": return openSmall(`${address}/block`) && true;
    case "x": return Boolean(board.dataset.bulk) && (toggle(card) ?? true);
    case "a": return change(card, `${address}/owners/me`) && true;
    case "e": return change(card, `${address}/archive`) && true;
    default: return press(key);
  }
}

/** Anything on the page that says which key presses it. */
function press(key) {
  const found = key.length === 1 && document.querySelector(`[data-shortcut="${CSS.escape(key)}"]`);
  if (found) found.click();
  return Boolean(found);
}

function goTo(field) {
  if (!field) return press("/");
  field.focus();
  field.select();
  return true;
}

/** On a phone, or scrolled sideways, the first column may be far away. */
function columnInSight(board) {
  const { left } = board.getBoundingClientRect();
  return [...board.querySelectorAll(".column")].find((column) => column.getBoundingClientRect().right > left + 80);
}

function focusCard(card) {
  const link = card?.querySelector("h3 a");
  if (!link) return false;
  link.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest", inline: "nearest" });
  return true;
}

async function change(card, url) {
  const key = card.dataset.task;
  const beside = neighbourOf(card, "down") ?? neighbourOf(card, "up") ?? neighbourOf(card, "right");
  try {
    const answer = await ask(url, { method: "POST", part: "card", fields: new URLSearchParams({ version: card.dataset.version }) });
    told(answer);
    whenFree(() => {
      if (showAnswered(answer.html).length) askAgain([key]);
      else { removeCard(key); focusCard(beside); }
    });
  } catch (error) {
    refused(error, { again: () => change(card, url), kept: `${key} is as it was.` });
  }
}

function showKeys() {
  const template = document.getElementById("keys");
  if (template) showSmall(template.content.cloneNode(true));
  return Boolean(template);
}

/** In an open task: the same letters for the same things. */
function keysInDialog(event) {
  const article = document.querySelector("dialog.modal[open] [data-task-page]");
  const small = document.querySelector("dialog.small[open]");
  if (!article || small) return;
  const link = ["a", "b", "m"].includes(event.key) && article.querySelector(`[data-shortcut=${event.key}]`);
  if (link) { event.preventDefault(); link.click(); }
  if (event.key === "u") { event.preventDefault(); undoLast(); }
}

// One card is a tab stop, its neighbours are reached by arrows: a thousand cards are not a thousand stops.
const board = theBoard();
if (board) {
  rove();
  board.addEventListener("board:changed", rove);
  board.addEventListener("focusin", ({ target }) => {
    const card = target.closest("[data-task]");
    if (!card || card.dataset.task === current) return;
    stop(cardOf(current), -1);
    current = card.dataset.task;
    stop(card, 0);
  });
  board.addEventListener("click", (event) => {
    const card = event.target.closest("[data-task]");
    if (!card || !event.shiftKey || !board.dataset.bulk || !("editable" in board.dataset)) return;
    event.preventDefault();
    extendTo(card);
  });
  // shift with a click would otherwise mark text from here to there
  board.addEventListener("mousedown", (event) => { if (event.shiftKey && event.target.closest("[data-task]")) event.preventDefault(); });
}

function rove() {
  if (!cardOf(current)) current = cardsIn(board.querySelector("ol:has(> [data-task])") ?? board)[0]?.dataset.task ?? null;
  for (const link of board.querySelectorAll("[data-task] a:not([tabindex])")) link.tabIndex = -1;
  stop(cardOf(current), 0);
}

function stop(card, tabIndex) {
  const link = card?.querySelector("h3 a");
  if (link) link.tabIndex = tabIndex;
}
