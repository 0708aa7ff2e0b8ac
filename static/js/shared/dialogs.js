// Opens a task in a dialog over the board, with its own address, so that Back closes it; and short forms (move, block)
// in a small dialog without one.

import { request } from "./http.js";
import { reportError } from "./undo-feedback.js";
import { pickElement } from "./morph.js";
import { attachToasts } from "./toasts.js";
import { findCard, getBoard } from "../board/cards.js";
import { restoreDrafts } from "../forms/drafts.js";

const home = { address: location.pathname + location.search, title: document.title };
const isTaskUrl = (url) => /^\/tasks\/[^/]+$/.test(new URL(url, location.href).pathname);
let taskDialog = null;
let latestRequest = 0;

addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const target = event.target;
  if (target.closest("[data-close]") && target.closest("dialog")) {
    event.preventDefault();
    closeDialog(target.closest("dialog"));
    return;
  }
  // Only one small dialog at a time.
  const openSmallDialog = target.closest("a") && target.closest("dialog.small");
  const dialogLink = target.closest("a[data-dialog]");
  if (openSmallDialog && (dialogLink || isTaskUrl(target.closest("a").href))) openSmallDialog.close();
  if (dialogLink) {
    event.preventDefault();
    openDialog(dialogLink.href);
    return;
  }
  if (!getBoard()) return;
  const card = target.closest("[data-task]");
  const link = target.closest("a, button, input, select, textarea, label") ?? card?.querySelector("h3 a");
  if (openSmallDialog && link && new URL(link.href).pathname === location.pathname) {
    event.preventDefault();
    return;
  }
  if (!link?.matches("a[href]") || !isTaskUrl(link.href)) return;
  if (!(card || openSmallDialog || link.closest("dialog"))) return;
  event.preventDefault();
  openTask(link.href);
});

/**
 * Opens a task over the board and adds it to the browser's history.
 * @param {string} url
 */
async function openTask(url) {
  if (!await showTask(url)) return;
  history.pushState({ depth: (history.state?.depth ?? 0) + 1 }, "", url);
}

async function showTask(url) {
  const requestNumber = ++latestRequest;
  let response;
  try {
    response = await request(url, { fragment: "task" });
  } catch (error) {
    reportError(error, { retry: () => openTask(url) });
    return false;
  }
  if (requestNumber !== latestRequest) return false; // another task was opened meanwhile
  const article = pickElement(response.html, "[data-task-page]");
  if (!article) {
    location.assign(url);
    return false;
  }
  taskDialog ??= createTaskDialog();
  taskDialog.querySelector(".modal-content").replaceChildren(closeButton(), article);
  const name = (article.querySelector("h1 .visually-hidden") ?? article.querySelector("h1"))?.textContent.trim() ?? "";
  taskDialog.setAttribute("aria-label", `${article.dataset.taskPage} ${name}`);
  document.title = `${article.dataset.taskPage} ${name}`;
  if (!taskDialog.open) taskDialog.showModal();
  taskDialog.scrollTop = 0;
  restoreDrafts(article);
  import("../elements/markdown-preview.js");
  return true;
}

function createTaskDialog() {
  const dialog = document.createElement("dialog");
  dialog.className = "modal";
  const frame = document.createElement("div");
  frame.className = "modal-content";
  dialog.append(frame);
  // Escape goes back in the history like every other way of closing, so that address and page agree.
  dialog.addEventListener("cancel", (event) => {
    if (event.target !== dialog) return;
    event.preventDefault();
    closeDialog(dialog);
  });
  dialog.addEventListener("pointerdown", (event) => {
    if (event.target === dialog && event.offsetX < dialog.clientWidth) closeDialog(dialog);
  });
  document.body.append(dialog);
  return dialog;
}

function closeButton() {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "close";
  button.dataset.close = "";
  button.setAttribute("aria-label", "Close");
  button.textContent = "✕";
  return button;
}

function closeDialog(dialog) {
  if (dialog === taskDialog) history.go(-(history.state?.depth ?? 1));
  else dialog.close();
}

/**
 * Leaves a task that no longer exists: back to the board it was opened over, or on to another page.
 * @param {string} url where to go without a board
 */
export function closeTask(url) {
  if (taskDialog?.open) closeDialog(taskDialog);
  else location.assign(url);
}

addEventListener("popstate", () => {
  const address = location.pathname + location.search;
  if (address === home.address) hideTask();
  else if (getBoard() && isTaskUrl(location.href)) showTask(location.href);
  // A page that was reloaded at a task's address shares its history with the board.
  else if (!location.hash) location.reload();
});

function hideTask() {
  latestRequest++;
  if (!taskDialog?.open) return;
  const key = taskDialog.querySelector("[data-task-page]")?.dataset.taskPage;
  taskDialog.close();
  taskDialog.querySelector(".modal-content").replaceChildren();
  document.title = home.title;
  attachToasts();
  findCard(key)?.querySelector("h3 a")?.focus();
}

/**
 * Fetches a form and shows it in a small dialog.
 * @param {string} url
 */
export async function openDialog(url) {
  let response;
  try {
    response = await request(url, { fragment: "form" });
  } catch (error) {
    reportError(error, { retry: () => openDialog(url) });
    return;
  }
  const region = pickElement(response.html, "[data-region]");
  if (region) showDialog(region);
  else location.assign(url);
}

/**
 * Asks what a task is waiting on, if it has just become blocked without a reason and no other dialog is open.
 * @param {HTMLElement | undefined} card
 */
export function promptForBlocker(card) {
  if (!card?.querySelector(".blocked-by.missing") || document.querySelector("dialog.small[open]")) return;
  openDialog(`/tasks/${card.dataset.task}/block`);
}

/**
 * Shows contents in a small modal dialog, and returns the focus when it closes.
 * @param {...Node} contents
 * @returns {HTMLDialogElement}
 */
export function showDialog(...contents) {
  const opener = document.activeElement;
  const key = contents[0].dataset?.taskKey;
  const dialog = document.createElement("dialog");
  dialog.className = "small";
  dialog.append(closeButton(), ...contents);
  const heading = dialog.querySelector("h1, h2");
  if (heading) dialog.setAttribute("aria-label", heading.textContent.trim());
  dialog.addEventListener("pointerdown", (event) => {
    if (event.target === dialog && isOutside(event, dialog)) dialog.close();
  });
  dialog.addEventListener("close", () => {
    // Before the dialog is removed, or its toasts would go with it.
    attachToasts();
    dialog.remove();
    // A drag leaves the focus on the page, and the card may have been updated since.
    const isKept = opener?.isConnected && opener !== document.body;
    const target = isKept ? opener : key && findCard(key)?.querySelector("h3 a");
    // This comes a little after the dialog has closed: someone may be typing elsewhere already.
    if (!document.activeElement?.matches("input, textarea, select")) target?.focus({ preventScroll: true });
  });
  document.body.append(dialog);
  restoreDrafts(dialog);
  dialog.showModal();
  const first = dialog.querySelector("[autofocus]")
    ?? dialog.querySelector("input:not([type=hidden]), select, textarea, .button");
  first?.focus();
  return dialog;
}

function isOutside({ clientX: x, clientY: y }, dialog) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return x < left || x > right || y < top || y > bottom;
}
