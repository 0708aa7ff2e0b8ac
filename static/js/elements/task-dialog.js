// A task opens over the board and has its own address; Back closes it. Small questions (move, block)
// open in a small dialog and have none.

import { ask } from "../shared/ask.js";
import { refused } from "../shared/changes.js";
import { isDirty, markDirty, pick } from "../shared/morph.js";
import { rescueToasts } from "../shared/toasts.js";
import { cardOf, theBoard } from "../board/cards.js";

const home = { address: location.pathname + location.search, title: document.title };
const isTask = (url) => /^\/tasks\/[^/]+$/.test(new URL(url, location.href).pathname);
const drafts = new Map();
let veil = null;
let latest = 0;

addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const target = event.target;
  if (target.closest("[data-close]") && target.closest("dialog")) { event.preventDefault(); leave(target.closest("dialog")); return; }
  // one question at a time
  const asked = target.closest("a") && target.closest("dialog.small");
  const small = target.closest("a[data-dialog]");
  if (asked && (small || isTask(target.closest("a").href))) asked.close();
  if (small) { event.preventDefault(); openSmall(small.href); return; }
  if (!theBoard()) return;
  const card = target.closest("[data-task]");
  const link = target.closest("a, button, input, select, textarea, label") ?? card?.querySelector("h3 a");
  if (asked && link && new URL(link.href).pathname === location.pathname) { event.preventDefault(); return; }
  if (!link?.matches("a[href]") || !isTask(link.href) || !(card || asked || link.closest("dialog"))) return;
  event.preventDefault();
  visit(link.href);
});

/** Show a task and put it into the history. */
export async function visit(url) {
  if (!await showTask(url)) return;
  history.pushState({ depth: (history.state?.depth ?? 0) + 1 }, "", url);
}

async function showTask(url) {
  const mine = ++latest;
  let answer;
  try {
    answer = await ask(url, { part: "task" });
  } catch (error) {
    refused(error, { again: () => visit(url) });
    return false;
  }
  if (mine !== latest) return false; // something else was opened meanwhile
  const article = pick(answer.html, "[data-task-page]");
  if (!article) { location.assign(url); return false; }
  keepDrafts();
  veil ??= makeVeil();
  veil.querySelector(".modal-content").replaceChildren(closeButton(), article);
  const name = article.querySelector("h1")?.textContent.trim() ?? "";
  veil.setAttribute("aria-label", `${article.dataset.taskPage} ${name}`);
  document.title = `${article.dataset.taskPage} ${name}`;
  if (!veil.open) veil.showModal();
  veil.scrollTop = 0;
  restoreDrafts(article);
  return true;
}

function makeVeil() {
  const dialog = document.createElement("dialog");
  dialog.className = "modal";
  const frame = document.createElement("div");
  frame.className = "modal-content";
  dialog.append(frame);
  // Escape goes back like everything else that closes, so that address and page agree
  dialog.addEventListener("cancel", (event) => { if (event.target === dialog) { event.preventDefault(); leave(dialog); } });
  dialog.addEventListener("pointerdown", (event) => { if (event.target === dialog && event.offsetX < dialog.clientWidth) leave(dialog); });
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

function leave(dialog) {
  if (dialog === veil) history.go(-(history.state?.depth ?? 1));
  else dialog.close();
}

/** The task is no more: back to the board it was opened over, or on to another page. */
export function closeTask(elsewhere) {
  if (veil?.open) leave(veil); else location.assign(elsewhere);
}

addEventListener("popstate", () => {
  const address = location.pathname + location.search;
  if (address === home.address) hideTask();
  else if (theBoard() && isTask(location.href)) showTask(location.href);
  // a page reloaded at a task's address still shares its history with the board's
  else if (!location.hash) location.reload();
});

function hideTask() {
  latest++;
  if (!veil?.open) return;
  keepDrafts();
  const key = veil.querySelector("[data-task-page]")?.dataset.taskPage;
  veil.close();
  veil.querySelector(".modal-content").replaceChildren();
  document.title = home.title;
  rescueToasts();
  cardOf(key)?.querySelector("h3 a")?.focus();
}

/** Closing is not throwing away: a comment half written is there when the task opens again. */
function keepDrafts() {
  for (const field of veil?.querySelectorAll("textarea[name]") ?? []) {
    if (isDirty(field.form) && field.value !== field.defaultValue) drafts.set(draftName(field), field.value);
    else drafts.delete(draftName(field));
  }
}

function restoreDrafts(article) {
  for (const field of article.querySelectorAll("textarea[name]")) {
    const text = drafts.get(draftName(field));
    if (text) { field.value = text; markDirty(field.form); }
  }
}

const draftName = (field) => `${field.form?.getAttribute("action")} ${field.name}`;

/** A form from the server in a small dialog. */
export async function openSmall(url) {
  let answer;
  try {
    answer = await ask(url, { part: "form" });
  } catch (error) {
    refused(error, { again: () => openSmall(url) });
    return;
  }
  const region = pick(answer.html, "[data-region]");
  if (region) showSmall(region); else location.assign(url);
}

/** Blocked asks on arrival what the task waits on; one question at a time. */
export function askWhatItWaitsOn(card) {
  if (!card?.querySelector(".blocked-by.missing") || document.querySelector("dialog.small[open]")) return;
  openSmall(`/tasks/${card.dataset.task}/block`);
}

export function showSmall(...contents) {
  const opener = document.activeElement;
  const key = opener?.closest("[data-task]")?.dataset.task;
  const dialog = document.createElement("dialog");
  dialog.className = "small";
  dialog.append(closeButton(), ...contents);
  const heading = dialog.querySelector("h1, h2");
  if (heading) dialog.setAttribute("aria-label", heading.textContent.trim());
  dialog.addEventListener("pointerdown", (event) => { if (event.target === dialog && outside(event, dialog)) dialog.close(); });
  dialog.addEventListener("close", () => {
    // first, or what was said in it goes with it
    rescueToasts();
    dialog.remove();
    // the card it was opened from may have new contents by now
    const back = opener?.isConnected ? opener : key && cardOf(key)?.querySelector("h3 a");
    back?.focus({ preventScroll: true });
  });
  document.body.append(dialog);
  dialog.showModal();
  (dialog.querySelector("[autofocus]") ?? dialog.querySelector("input:not([type=hidden]), select, textarea, .button"))?.focus();
  return dialog;
}

function outside({ clientX: x, clientY: y }, dialog) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return x < left || x > right || y < top || y > bottom;
}
