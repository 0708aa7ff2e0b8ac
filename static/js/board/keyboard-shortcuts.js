// Keyboard shortcuts of the board and of an open task. Tab reaches one card; arrows go on from there.

import { request } from "../shared/http.js";
import { reportChange, reportError, undoLast } from "../shared/undo-feedback.js";
import { applyResponseCards, cardsIn, columnOf, findCard, getBoard, removeCard } from "./cards.js";
import { whenUnlocked } from "./drag-lock.js";
import { refreshCards } from "./board-sync.js";
import { DIRECTIONS, neighbourOf } from "./card-navigation.js";
import { handleDragKey, isKeyboardDragging, pickUpCard } from "./keyboard-drag.js";
import { clearSelection, extendSelection, hasSelection, toggleSelection } from "./selection.js";
import { openDialog, showDialog } from "../shared/dialogs.js";
import { openQuickAdd } from "./quick-add.js";

if (location.hash === "#find") focusField(document.getElementById("find"));

let tabStopKey = null; // the key of the card that Tab reaches

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
  if (document.querySelector("dialog:modal")) return handleDialogKey(event);
  const board = getBoard();
  const card = event.target.closest?.("[data-task]");
  if (isKeyboardDragging()) {
    if (handleDragKey(event.key, DIRECTIONS[event.key])) event.preventDefault();
    return;
  }
  if (handleKey(event, board, card)) event.preventDefault();
});

/** The letter on the key, also with caps lock and on layouts without Latin letters. */
const keyOf = ({ key, code, shiftKey }) =>
  key > "~" && code.startsWith("Key") ? code[3].toLowerCase() : shiftKey || key[1] ? key : key.toLowerCase();

/** @returns {boolean} whether the key did something */
function handleKey(event, board, card) {
  const key = keyOf(event);
  if (key === "?") return showShortcuts();
  if (key === "u") return undoLast() ?? true;
  if (key === "/") return focusField(document.querySelector(".search input[name=q]"));
  if (!board) return clickShortcut(key);
  if (DIRECTIONS[key]) {
    // Arrow keys scroll the page unless a card has the focus.
    if (!card && key.startsWith("Arrow") && event.target !== document.body) return false;
    return focusCard(card ? neighbourOf(card, DIRECTIONS[key]) : findCard(tabStopKey) ?? neighbourOf(null));
  }
  if (key === "Escape" && hasSelection()) return clearSelection() ?? true;
  if (!("editable" in board.dataset)) return clickShortcut(key);
  if (key === "c" && board.dataset.team) {
    return openQuickAdd(card ? columnOf(card) : firstVisibleColumn(board)) ?? true;
  }
  if (!card) return clickShortcut(key);
  const onTitle = event.target.matches("h3 a");
  const url = `/tasks/${card.dataset.task}`;
  switch (key) {
    case " ": return onTitle && (pickUpCard(card) ?? true);
    case "m": return openDialog(`${url}/move`) && true;
    case "b": return openDialog(`${url}/block`) && true;
    case "x": return Boolean(board.dataset.bulk) && (toggleSelection(card) ?? true);
    case "a": return changeCard(card, `${url}/owners/me`) && true;
    case "e": return changeCard(card, `${url}/archive`) && true;
    default: return clickShortcut(key);
  }
}

/** Clicks the element of the page that declares this key with `data-shortcut`. */
function clickShortcut(key) {
  const found = key.length === 1 && document.querySelector(`[data-shortcut="${CSS.escape(key)}"]`);
  if (found) found.click();
  return Boolean(found);
}

function focusField(field) {
  if (!field) return clickShortcut("/");
  field.focus();
  field.select();
  return true;
}

/** On a phone, or scrolled sideways, the first column may be out of sight. */
function firstVisibleColumn(board) {
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

async function changeCard(card, url) {
  const key = card.dataset.task;
  const neighbour = neighbourOf(card, "down") ?? neighbourOf(card, "up") ?? neighbourOf(card, "right");
  try {
    const fields = new URLSearchParams({ version: card.dataset.version });
    const response = await request(url, { method: "POST", fragment: "card", fields });
    reportChange(response);
    whenUnlocked(() => {
      if (applyResponseCards(response.html).length) {
        refreshCards([key]);
      } else {
        removeCard(key);
        focusCard(neighbour);
      }
    });
  } catch (error) {
    reportError(error, { retry: () => changeCard(card, url), kept: `${key} was not changed.` });
  }
}

function showShortcuts() {
  const template = document.getElementById("keys");
  if (template) showDialog(template.content.cloneNode(true));
  return Boolean(template);
}

/** In an open task the same keys do the same things. */
function handleDialogKey(event) {
  const article = document.querySelector("dialog.modal[open] [data-task-page]");
  const dialog = document.querySelector("dialog.small[open]");
  if (!article || dialog) return;
  const key = keyOf(event);
  const link = ["a", "b", "m"].includes(key) && article.querySelector(`[data-shortcut=${key}]`);
  if (link) {
    event.preventDefault();
    link.click();
  }
  if (key === "u") {
    event.preventDefault();
    undoLast();
  }
}

// Roving tabindex: one card is a tab stop and arrows reach the others, so that a thousand cards are not a thousand
// stops.
const board = getBoard();
if (board) {
  updateTabStops();
  board.addEventListener("board:changed", updateTabStops);
  board.addEventListener("focusin", ({ target }) => {
    const card = target.closest("[data-task]");
    if (!card || card.dataset.task === tabStopKey) return;
    setTabIndex(findCard(tabStopKey), -1);
    tabStopKey = card.dataset.task;
    setTabIndex(card, 0);
  });
  board.addEventListener("click", (event) => {
    const card = event.target.closest("[data-task]");
    if (event.target.closest("[data-assign]") && "editable" in board.dataset) {
      event.preventDefault();
      event.stopPropagation();
      changeCard(card, `/tasks/${card.dataset.task}/owners/me`);
      return;
    }
    if (!card || !event.shiftKey || !board.dataset.bulk || !("editable" in board.dataset)) return;
    event.preventDefault();
    extendSelection(card);
  });
  // Shift and a click would select the text between the cards.
  board.addEventListener("mousedown", (event) => {
    if (event.shiftKey && event.target.closest("[data-task]")) event.preventDefault();
  });
}

function updateTabStops() {
  if (!findCard(tabStopKey)) {
    const list = board.querySelector("ol:has(> [data-task])") ?? board;
    tabStopKey = cardsIn(list)[0]?.dataset.task ?? null;
  }
  for (const link of board.querySelectorAll("[data-task] a:not([tabindex])")) link.tabIndex = -1;
  setTabIndex(findCard(tabStopKey), 0);
}

function setTabIndex(card, tabIndex) {
  const link = card?.querySelector("h3 a");
  if (link) link.tabIndex = tabIndex;
}
