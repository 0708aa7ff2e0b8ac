// Keeps what is typed into a form until it is saved: when its dialog is closed, the page left or the session over. Drafts
// stay in this tab, and are removed by saving, discarding and signing out.

import { markClean, markDirty } from "../shared/morph.js";

const PREFIX = "draft ";
const owner = document.documentElement.dataset.me ?? "";

// Fields that are saved when they lose the focus have no drafts.
const TEXTS = "textarea[name], input[name]:not([type]), input[name][type=text]";
const isDraftField = (field) =>
  field.matches?.(TEXTS) && field.form?.matches("form[data-enhance][method=post], form[data-draft]")
  && !field.matches("[data-autosubmit], [name=due], [hidden]");
const draftFields = (root) => [...root.querySelectorAll(TEXTS)].filter(isDraftField);
const nameOf = (field) => `${field.form.getAttribute("action")} ${field.name}`;

/**
 * @param {string} name
 * @param {string} text an empty one removes the draft
 */
export function saveDraft(name, text) {
  const key = `${PREFIX}${owner} ${name}`;
  try {
    if (text.trim()) sessionStorage.setItem(key, text);
    else sessionStorage.removeItem(key);
  } catch { /* the storage is full: the text is lost if the page is left, about which the browser asks */ }
}

/** @param {string} name @returns {string} */
export const loadDraft = (name) => sessionStorage.getItem(`${PREFIX}${owner} ${name}`) ?? "";

/**
 * Puts drafts back into their fields, and opens what hides them.
 * @param {Element | Document} root
 */
export function restoreDrafts(root) {
  for (const field of draftFields(root)) {
    const text = loadDraft(nameOf(field));
    if (!text || text === field.value || field.getAttribute("aria-invalid")) continue;
    field.value = text;
    markDirty(field.form);
    showNote(field);
    const details = field.closest("details");
    if (details) details.open = true;
  }
}

/** @param {HTMLFormElement} form which has been saved */
export function clearDrafts(form) {
  for (const field of draftFields(form)) {
    saveDraft(nameOf(field), "");
    noteOf(field)?.remove();
  }
}

const placeOf = (field) => field.closest("markdown-preview") ?? field;
const noteOf = (field) => {
  const next = placeOf(field).nextElementSibling;
  return next?.matches(".draft") ? next : null;
};

function showNote(field) {
  if (noteOf(field)) return;
  const note = document.createElement("p");
  note.className = "draft";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link";
  button.textContent = "Discard";
  button.addEventListener("click", () => {
    field.value = field.defaultValue;
    saveDraft(nameOf(field), "");
    note.remove();
    if (!field.form.querySelector(".draft")) markClean(field.form);
    field.focus();
  });
  note.append("Draft, not saved ", button);
  placeOf(field).after(note);
}

addEventListener("input", ({ target }) => {
  if (!isDraftField(target)) return;
  const isChanged = target.value !== target.defaultValue;
  saveDraft(nameOf(target), isChanged ? target.value : "");
  if (isChanged) showNote(target);
  else noteOf(target)?.remove();
});

// Forms that load a new page get back what was typed if it is refused.
let isLeaving = false;
addEventListener("submit", ({ target, defaultPrevented }) => {
  if (target.matches("[action='/logout']")) {
    Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX)).forEach((key) => sessionStorage.removeItem(key));
  } else if (!defaultPrevented && target.matches("[data-draft]")) {
    clearDrafts(target);
  }
  isLeaving = !defaultPrevented;
});
addEventListener("click", ({ target }) => {
  isLeaving = Boolean(target.closest?.("a[href]"));
});

// Drafts outlive links and reloads, but not the tab.
addEventListener("beforeunload", (event) => {
  const isUnsaved = draftFields(document).some((field) => noteOf(field) && field.value !== field.defaultValue);
  if (isUnsaved && !isLeaving) event.preventDefault();
});

restoreDrafts(document);
