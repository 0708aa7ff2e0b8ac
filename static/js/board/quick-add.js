// Adds tasks right in a column: Enter adds the task and keeps the field for the next one, Escape closes it.

import { announce } from "../shared/toasts.js";
import { HttpError, request } from "../shared/http.js";
import { recordUndo, reportChange, reportError } from "../shared/undo-feedback.js";
import { getBoard, hasLanes, parseCards, upsertCard } from "./cards.js";
import { refreshCards } from "./board-sync.js";
import { showFieldErrors } from "../forms/enhanced-forms.js";
import { promptForBlocker } from "../shared/dialogs.js";
import { loadDraft, saveDraft } from "../forms/drafts.js";

addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const link = event.target.closest("a.add, a[data-quick-add]");
  const board = getBoard();
  if (!link || !board || !("editable" in board.dataset)) return;
  const slug = new URL(link.href).searchParams.get("column");
  const column = link.closest(".column")
    ?? board.querySelector(`[data-column="${CSS.escape(slug ?? "")}"]`)
    ?? board.querySelector(".column");
  if (!column) return;
  event.preventDefault();
  openQuickAdd(column);
});

const HINT = "Enter to add, Esc to close";
const countLines = (text) => text.split("\n").filter((line) => line.trim()).length;

// The text of a field that was closed, for the next one.
const DRAFT = "new task";

/**
 * Opens the field at the end of a column. The column's `+` link says which sprint the task goes to.
 * @param {HTMLElement} column
 */
export function openQuickAdd(column) {
  const list = column.querySelector("ol");
  let item = list.querySelector(":scope > .new");
  if (!item) {
    // Text that was being typed in another column moves along.
    const other = document.querySelector(".new");
    item = createItem(column);
    item.querySelector("textarea").value = other?.querySelector("textarea").value ?? loadDraft(DRAFT);
    other?.remove();
    list.append(item);
  }
  item.scrollIntoView({ block: "nearest", inline: "nearest" });
  item.querySelector("textarea").focus();
}

function createItem(column) {
  const link = new URL(column.querySelector("a.add")?.href ?? location.href, location.href);
  const item = document.createElement("li");
  item.className = "new";
  item.innerHTML = '<form method="post">'
    + '<textarea name="title" rows="1" dir="auto" required maxlength="10000"></textarea>'
    + `<p class="muted" aria-live="polite">${HINT}</p></form>`;
  const form = item.firstElementChild;
  const title = form.elements.title;
  title.setAttribute("aria-label", `New task in ${column.dataset.name}`);
  title.placeholder = "What needs to be done?";
  form.action = `/teams/${getBoard().dataset.team}/tasks`;
  form.dataset.column = column.dataset.column;
  form.dataset.sprint = link.searchParams.get("sprint") ?? "";
  const hint = form.querySelector("p");
  title.addEventListener("input", () => {
    saveDraft(DRAFT, title.value);
    const lines = countLines(title.value);
    hint.textContent = lines > 1 ? `Enter to add ${lines} tasks, Shift Enter to add one, Esc to close` : HINT;
  });
  title.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return; // Enter chooses a word of the input method
    if (event.key === "Enter") {
      event.preventDefault();
      submitTitle(form, title, !event.shiftKey);
    }
    if (event.key === "Escape") {
      event.preventDefault();
      closeQuickAdd(item, column);
    }
  });
  // An empty field that loses the focus was opened by mistake.
  title.addEventListener("blur", () => {
    if (title.value.trim()) return;
    setTimeout(() => {
      if (document.activeElement !== title) item.remove();
    }, 150);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submitTitle(form, title);
  });
  return item;
}

// People who type a list are faster than the network: titles are sent one after the other, in order.
let sending = Promise.resolve();

/** With `isList`, each line of a pasted list is a task. */
function submitTitle(form, title, isList = true) {
  const text = title.value.trim();
  if (!text) return;
  title.value = "";
  title.dispatchEvent(new Event("input"));
  saveDraft(DRAFT, "");
  showFieldErrors(form, {});
  const sent = { text, lines: isList && countLines(text) > 1 };
  sending = sending.then(() => createTask(form, title, sent));
}

async function createTask(form, title, sent) {
  const { column, sprint } = form.dataset;
  // The new task gets what the board's filter asks for.
  const q = document.getElementById("find")?.defaultValue ?? "";
  const fields = new URLSearchParams({ title: sent.text, column, sprint, q, ...(sent.lines && { lines: 1 }) });
  try {
    const response = await request(form.action, { method: "POST", fragment: "card", fields });
    const cards = parseCards(response.html);
    const card = cards[0];
    // No dialog while the next title is being typed: the card shows the missing reason, too.
    if (!document.querySelector(".new textarea")?.value) promptForBlocker(card);
    for (const added of cards) {
      upsertCard(added, added.dataset.column ?? form.dataset.column, { isNew: true });
    }
    // The tasks may belong to another lane than the one they were typed in.
    if (hasLanes(getBoard())) refreshCards(cards.map((added) => added.dataset.task));
    if (sent.lines) {
      reportChange(response);
    } else {
      recordUndo(response);
      announce(response.message || `Added ${card?.dataset.task ?? sent.text}.`);
    }
    if (form.isConnected) form.closest("li").scrollIntoView({ block: "nearest" });
  } catch (error) {
    restoreTitle(form, title, sent, error);
  }
}

/** Puts a title that was not saved back into its field, before what was typed since; reopens the field if needed. */
function restoreTitle(form, title, sent, error) {
  if (!form.isConnected) {
    const column = getBoard().querySelector(`[data-column="${CSS.escape(form.dataset.column)}"]`);
    openQuickAdd(column);
    title = column.querySelector(".new textarea");
    form = title.form;
  }
  title.value = title.value ? `${sent.text} ${title.value}` : sent.text;
  saveDraft(DRAFT, title.value);
  const errors = error instanceof HttpError && error.problem.errors;
  if (errors) showFieldErrors(form, errors);
  else reportError(error, { retry: () => submitTitle(form, title), kept: "Your title is still in the field." });
}

function closeQuickAdd(item, column) {
  item.remove();
  (column.querySelector("[data-task]:last-of-type h3 a") ?? column.querySelector(".add"))?.focus();
}
