// Submits forms marked data-enhance without leaving the page. Other forms work as usual.

import { HttpError, newKey, request } from "../shared/http.js";
import { reportChange, reportError } from "../shared/undo-feedback.js";
import { markClean, morphRegion, openTaskArticle, pickElement, refreshTask } from "../shared/morph.js";
import { closeTask, promptForBlocker } from "../shared/dialogs.js";
import { clearDrafts } from "./drafts.js";
import { refreshCards } from "../board/board-sync.js";
import { applyResponseCards, parseCards } from "../board/cards.js";
import { whenUnlocked } from "../board/drag-lock.js";

// Arrow keys in a closed list select every value they pass. Such a value is submitted on Enter or when the focus
// leaves the list.
let keyboardSelect = null;
let pendingField = null;

addEventListener("keydown", (event) => {
  const select = event.target.closest?.("select[data-autosubmit]");
  if (!select) return;
  // These keys open the list, and a choice in an open list is meant.
  keyboardSelect = [" ", "Enter", "F4"].includes(event.key) || event.altKey ? null : select;
  if (event.key === "Enter" && pendingField) {
    event.preventDefault();
    submitPending();
  }
});

// Escape puts back the saved value, before anything else that Escape does. What is new stays as a draft.
addEventListener("keydown", (event) => {
  const field = event.target;
  if (event.key !== "Escape" || event.isComposing || !field.matches?.("[data-autosubmit], [name=due]")) return;
  const isText = field.matches("textarea, input:not([type=checkbox])");
  if (!isText || field.value === field.defaultValue) return;
  event.preventDefault();
  event.stopPropagation();
  field.value = field.defaultValue;
  pendingField = null;
  markClean(field.form);
  growTitle(field);
}, true);

addEventListener("pointerdown", () => {
  keyboardSelect = null;
});
addEventListener("focusout", submitPending);

addEventListener("change", ({ target }) => {
  if (!target.matches?.("[data-autosubmit]")) return;
  // Enter may have submitted this text already.
  if (target.value === target.defaultValue && target.type !== "checkbox") return;
  pendingField = target;
  if (target !== keyboardSelect) submitPending();
});

function submitPending() {
  pendingField?.form?.requestSubmit();
  pendingField = null;
}

// Typing into the field below a radio button selects that button.
addEventListener("input", ({ target }) => {
  const label = target.closest?.(".field")?.previousElementSibling;
  if (label?.matches("label")) label.control.checked = true;
});

// The title grows with its text. It is one line of text, so Enter submits it.
addEventListener("input", ({ target }) => growTitle(target));

// A list that is pasted into a field for one step adds a step for each line.
addEventListener("paste", (event) => {
  const field = event.target;
  const text = event.clipboardData?.getData("text/plain").trim();
  if (!field.matches?.("input[data-list]") || field.value || !text?.includes("\n")) return;
  event.preventDefault();
  const lines = Object.assign(document.createElement("textarea"), { hidden: true, name: field.name, value: text });
  field.disabled = true; // only the lines are sent
  field.form.append(lines);
  field.form.requestSubmit();
  field.disabled = false;
  lines.remove();
});

function growTitle(field) {
  const title = field.matches?.(".title-form textarea") && field.closest("h1");
  if (title) title.dataset.text = field.value;
}

addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.isComposing && event.target.matches?.(".title-form textarea")) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
  // In other texts Enter starts a new line, and Ctrl or Cmd with Enter submits.
  const withModifier = event.ctrlKey || event.metaKey;
  if (event.key === "Enter" && withModifier && event.target.matches?.("form[data-enhance] textarea")) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
});

addEventListener("submit", (event) => {
  const form = event.target;
  // A button that only closes its dialog submits nothing.
  const closesDialog = event.submitter?.formMethod === "dialog";
  if (event.defaultPrevented || !form.matches("form[data-enhance]") || closesDialog) return;
  event.preventDefault();
  if (form.getAttribute("aria-busy") !== "true") submitForm(form, event.submitter);
});

// A form that loads a page: sent twice, it is one change. Other sites get nothing but what the form contains.
addEventListener("submit", ({ target, defaultPrevented }) => {
  if (new URL(target.getAttribute("action") ?? "", location.href).origin !== location.origin) return;
  if (defaultPrevented || target.method !== "post" || target.elements.namedItem("idempotency_key")) return;
  const key = { type: "hidden", name: "idempotency_key", value: newKey() };
  target.append(Object.assign(document.createElement("input"), key));
});

async function submitForm(form, submitter) {
  const action = submitter?.hasAttribute("formaction")
    ? submitter.formAction
    : form.getAttribute("action") || location.href;
  const url = new URL(action, location.href);
  const method = (submitter?.getAttribute("formmethod") ?? form.getAttribute("method") ?? "get").toUpperCase();
  const data = new FormData(form, submitter);
  const fields = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
  if (method === "GET") url.search = fields;
  form.setAttribute("aria-busy", "true");
  try {
    const fragment = form.dataset.fragment ?? "task";
    const response = await request(url, { method, fragment, fields: method === "GET" ? undefined : fields });
    handleResponse(form, response);
  } catch (error) {
    if (error instanceof HttpError && error.problem.errors) showFieldErrors(form, error.problem.errors);
    reportError(error, {
      retry: form.isConnected && (() => submitForm(form, submitter)),
      kept: "Your input is still in the form.",
    });
  } finally {
    form.removeAttribute("aria-busy");
  }
}

function handleResponse(form, response) {
  const pageKey = form.closest("[data-task-page]")?.dataset.taskPage;
  const cards = parseCards(response.html);
  const keys = cards.map((card) => card.dataset.task);
  const dialog = form.closest("dialog.small");
  if (response.ok) {
    markClean(form);
    clearDrafts(form);
    // Files that were sent would be attached again.
    for (const files of form.querySelectorAll("input[type=file]")) files.value = "";
    reportChange(response);
    if (response.repeated) return;
  }
  if (response.ok && (response.done || keys.length)) {
    whenUnlocked(() => {
      applyResponseCards(response.html);
      refreshCards(keys);
    });
    if (dialog) {
      dialog.close();
      // The dialog may have changed the task that is open behind it.
      refreshTask(openTaskArticle()?.dataset.taskPage);
      if (form.action.endsWith("/position")) promptForBlocker(cards[0]);
    } else if (pageKey) {
      // The task was archived: there is nothing left to show.
      refreshCards([pageKey]);
      closeTask(response.redirected ? response.url : "/");
    }
    return;
  }
  const region = form.closest("[data-region]");
  const fresh = pickElement(response.html, "[data-region]");
  if (fresh && region) {
    morphRegion(region, fresh, form);
    region.querySelector("[aria-invalid=true]")?.focus();
    // Also when the form was refused: someone else may have changed the task first.
    const key = pageKey ?? form.closest("[data-task-key]")?.dataset.taskKey;
    if (key) refreshCards([key]);
  } else if (response.redirected) {
    location.assign(response.url);
  } else if (response.ok) {
    location.reload();
  }
}

/**
 * Shows the server's messages below their fields, and removes earlier ones.
 * @param {HTMLFormElement} form
 * @param {Record<string, string | string[]>} errors messages by field name
 */
export function showFieldErrors(form, errors) {
  form.querySelectorAll(".field-error[data-from-response]").forEach((message) => message.remove());
  for (const field of form.elements) {
    field.removeAttribute("aria-invalid");
    const messages = errors[field.name];
    if (!field.name || !messages) continue;
    const message = document.createElement("p");
    message.className = "field-error";
    message.dataset.fromResponse = "";
    message.id = `error-${field.name}-${Math.random().toString(36).slice(2, 8)}`;
    message.textContent = [messages].flat().join(" ");
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", message.id);
    field.after(message);
  }
  form.querySelector("[aria-invalid=true]")?.focus();
}
