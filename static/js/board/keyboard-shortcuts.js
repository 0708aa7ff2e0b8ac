// Keyboard shortcuts of the board and of an open task. Tab reaches one card; arrows go on from there.

import { request } from "../shared/http.js";
import { reportChange, reportError, undoLast } from "../shared/undo-feedback.js";
import { applyResponseCards, cardsIn, columnOf, findCard, getBoard, pageBoard, removeCard } from "./cards.js";
import { whenUnlocked } from "./drag-lock.js";
import { refreshCards } from "./board-sync.js";
import { DIRECTIONS, neighbourOf } from "./card-navigation.js";
import { loadMore } from "./long-lists.js";
import { handleDragKey, isKeyboardDragging, pickUpCard } from "./keyboard-drag.js";
import { clearSelection, extendSelection, hasSelection, toggleSelection } from "./selection.js";
import { openDialog, showDialog } from "../shared/dialogs.js";
import { openQuickAdd } from "./quick-add.js";
import { copyBranchName, isBranchChord } from "./branch-name.js";

if (location.hash === "#find") focusField(document.getElementById("find"));

let tabStopKey = null; // the key of the card that Tab reaches

const TEXT_FIELDS = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const PAUSE = 1000; // milliseconds after typing in a field in which letters are still meant for it
let lastTyped = -PAUSE;
const isTyping = ({ target }) => target.closest?.(TEXT_FIELDS);

// Before anything that stops the event.
addEventListener("keydown", (event) => {
  if (!isTyping(event)) return;
  if (event.key.length === 1) lastTyped = event.timeStamp;
  else if (["Escape", "Enter", "Tab"].includes(event.key)) lastTyped = -PAUSE;
}, { capture: true });
addEventListener("pointerdown", () => {
  lastTyped = -PAUSE;
}, { capture: true });

/** `on`, `alt` (together with the Alt key) or `off`. */
const modeOf = () => localStorage.getItem("shortcuts") ?? "on";

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
    return;
  }
  if (event.ctrlKey || event.metaKey) return;
  const isText = event.key.length === 1;
  if (isTyping(event)) return;
  // A field can lose the focus in the middle of a sentence.
  if (isText && event.timeStamp - lastTyped < PAUSE) {
    lastTyped = event.timeStamp;
    return;
  }
  const mode = isText && event.key !== " " ? modeOf() : "on";
  if (event.altKey !== (mode === "alt") || mode === "off") return;
  if (isText && isBranchChord(keyOf(event), event.timeStamp) && copyBranchName()) return event.preventDefault();
  if (document.querySelector("dialog:modal")) return handleDialogKey(event);
  const card = event.target.closest?.("[data-task]");
  if (isKeyboardDragging()) {
    if (handleDragKey(event.key, DIRECTIONS[event.key])) event.preventDefault();
    return;
  }
  if (event.target !== document.body && !event.target.closest?.("main, sortable-board, [data-bulk-bar]")) return;
  const onTitle = event.target.matches?.("h3 a");
  const isDone = event.key === " " ? onTitle && pickUp(card) : runShortcut(keyOf(event), card, event.target);
  if (isDone) event.preventDefault();
});

/** The letter on the key, also with Alt, with caps lock and on layouts without Latin letters. */
const keyOf = ({ key, code, shiftKey, altKey }) =>
  (altKey || key > "~") && code.startsWith("Key") ? code[3].toLowerCase()
    : shiftKey || key[1] ? key : key.toLowerCase();

/** Opens the search over everything. */
const openPalette = () => import("../elements/search-palette.js").then((palette) => palette.openPalette());

addEventListener("click", (event) => {
  if (event.target.closest("[data-keys]")) showShortcuts();
  if (!event.target.closest("a[data-search]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openPalette();
});

/**
 * Does what a key does.
 * @param {string} key
 * @param {HTMLElement | null} [card] the focused card
 * @param {Element} [target] where the key was pressed
 * @returns {boolean} whether the key did something
 */
export function runShortcut(key, card = null, target = document.body) {
  const board = getBoard();
  if (key === "?") return showShortcuts();
  if (document.querySelector("inbox-list")?.handleKey?.(key)) return true;
  if (key === "u") return undoLast() ?? true;
  if (key === "/") return openPalette() && true;
  if (key === "f") return focusField(document.getElementById("find"));
  if (!board) return clickShortcut(key);
  if (DIRECTIONS[key]) {
    // Arrow keys scroll the page unless a card has the focus.
    if (!card && key.startsWith("Arrow") && target !== document.body) return false;
    const direction = DIRECTIONS[key];
    if (direction === "down" && card?.nextElementSibling?.matches(".more")) {
      loadMore(card.parentElement).then(() => focusCard(neighbourOf(card, direction)));
      return true;
    }
    return focusCard(card ? neighbourOf(card, direction) : findCard(tabStopKey) ?? neighbourOf(null));
  }
  if (key === "Escape" && hasSelection()) return clearSelection() ?? true;
  if (!("editable" in board.dataset)) return clickShortcut(key);
  if (key === "c" && board.dataset.team) {
    return openQuickAdd(card ? columnOf(card) : firstVisibleColumn(board)) ?? true;
  }
  if (!card) return clickShortcut(key);
  const url = `/tasks/${card.dataset.task}`;
  switch (key) {
    case "m": return openDialog(`${url}/move`) && true;
    case "b": return openDialog(`${url}/block`) && true;
    case "x": return Boolean(board.dataset.bulk) && (toggleSelection(card) ?? true);
    case "a": return changeCard(card, `${url}/owners/me`) && true;
    case "e": return changeCard(card, `${url}/archive`) && true;
    default: return clickShortcut(key);
  }
}

const pickUp = (card) => "editable" in getBoard().dataset && (pickUpCard(card) ?? true);

/**
 * @param {HTMLElement} card
 * @returns {{ name: string, key: string, run: () => void }[]} what can be done with it by keys
 */
export function cardCommands(card) {
  if (!("editable" in getBoard().dataset)) return [];
  const key = card.dataset.task;
  const names = {
    m: `Move ${key} to…`, a: `Assign ${key} to me, or unassign me`, b: `Block ${key}…`, x: `Select ${key}`,
    e: `Archive ${key}`,
  };
  return Object.entries(names)
    .map(([letter, name]) => ({ name, key: letter, run: () => runShortcut(letter, findCard(key)) }));
}

/** Clicks the element of the page that declares this key with `data-shortcut`. */
function clickShortcut(key) {
  const shortcut = `[data-shortcut="${CSS.escape(key)}"]`;
  const found = document.querySelector(`main ${shortcut}, .topbar ${shortcut}`);
  if (found) found.click();
  return Boolean(found);
}

function focusField(field) {
  if (!field) return false;
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
  if (!template) return false;
  const setting = showDialog(template.content.cloneNode(true)).querySelector("select");
  setting.value = modeOf();
  setting.addEventListener("change", () => localStorage.setItem("shortcuts", setting.value));
  return true;
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
if (pageBoard) {
  updateTabStops();
  pageBoard.addEventListener("board:changed", updateTabStops);
  pageBoard.addEventListener("focusin", ({ target }) => {
    const card = target.closest("[data-task]");
    if (!card || card.dataset.task === tabStopKey) return;
    setTabIndex(findCard(tabStopKey), -1);
    tabStopKey = card.dataset.task;
    setTabIndex(card, 0);
  });
  pageBoard.addEventListener("click", (event) => {
    const card = event.target.closest("[data-task]");
    if (event.target.closest("[data-assign]") && "editable" in pageBoard.dataset) {
      event.preventDefault();
      event.stopPropagation();
      changeCard(card, `/tasks/${card.dataset.task}/owners/me`);
      return;
    }
    if (!card || !event.shiftKey || !pageBoard.dataset.bulk || !("editable" in pageBoard.dataset)) return;
    event.preventDefault();
    extendSelection(card);
  });
  // Shift and a click would select the text between the cards.
  pageBoard.addEventListener("mousedown", (event) => {
    if (event.shiftKey && event.target.closest("[data-task]")) event.preventDefault();
  });
}

function updateTabStops() {
  if (!findCard(tabStopKey)) {
    const list = pageBoard.querySelector("ol:has(> [data-task])") ?? pageBoard;
    tabStopKey = cardsIn(list)[0]?.dataset.task ?? null;
  }
  for (const link of pageBoard.querySelectorAll("[data-task] a:not([tabindex])")) link.tabIndex = -1;
  setTabIndex(findCard(tabStopKey), 0);
}

function setTabIndex(card, tabIndex) {
  const link = card?.querySelector("h3 a");
  if (link) link.tabIndex = tabIndex;
}
