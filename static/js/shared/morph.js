// Updates a part of the page in place, without losing focus, typed text or opened details.

import { request } from "./http.js";
import { Idiomorph } from "../../vendor/idiomorph.esm.js";

const dirtyForms = new WeakSet();

document.addEventListener("input", ({ target }) => {
  if (target.form) dirtyForms.add(target.form);
});
document.addEventListener("reset", ({ target }) => dirtyForms.delete(target));

/** @param {HTMLFormElement} form @returns {boolean} whether someone has typed into it */
export const isDirty = (form) => dirtyForms.has(form);

/** @param {HTMLFormElement} form */
export const markDirty = (form) => dirtyForms.add(form);

/** @param {HTMLFormElement} form */
export const markClean = (form) => dirtyForms.delete(form);

/**
 * @param {string} html
 * @param {string} selector
 * @returns {Element | null} the first element that matches, detached
 */
export function pickElement(html, selector) {
  const found = new DOMParser().parseFromString(html, "text/html").querySelector(selector);
  return found && document.adoptNode(found);
}

/**
 * Makes `region` look like `fresh`. Forms with typed text stay as they are, except `submitted`, whose response this is;
 * the focused field keeps its text.
 * @param {Element} region
 * @param {Element} fresh
 * @param {HTMLFormElement | null} [submitted]
 */
export function morphRegion(region, fresh, submitted = null) {
  const hasFocus = submitted?.contains(document.activeElement);
  const isProtected = (node) => node instanceof HTMLFormElement && node !== submitted && dirtyForms.has(node);
  Idiomorph.morph(region, fresh, {
    ignoreActiveValue: !hasFocus,
    callbacks: {
      // Elements marked data-morph-skip render themselves.
      beforeNodeMorphed: (old, next) =>
        !(isProtected(old) && next.nodeName === "FORM") && old.dataset?.morphSkip === undefined,
      beforeNodeRemoved: (old) => !isProtected(old),
      // Details stay open or closed as the reader left them.
      beforeAttributeUpdated: (name, node) => !(name === "open" && node.nodeName === "DETAILS"),
    },
  });
}

/**
 * Updates the whole board. The quick-add form (`.new`) stays.
 * @param {HTMLElement} board
 * @param {Element} fresh
 */
export function morphBoard(board, fresh) {
  Idiomorph.morph(board, fresh, {
    callbacks: {
      beforeNodeRemoved: (old) => !old.matches?.(".new, :has(.new)"),
      // Attributes that scripts have set in this tab stay.
      beforeAttributeUpdated: (name, node) => !(name === "tabindex" || (name === "class" && node === board)),
    },
  });
}

/** @returns {HTMLElement | null} the open task, over the board or on its own page */
export const openTaskArticle = () => document.querySelector("[data-task-page]");

/**
 * Updates the open task, if it is this one. Texts being typed stay.
 * @param {string | undefined} key
 */
export async function refreshTask(key) {
  if (!key || openTaskArticle()?.dataset.taskPage !== key) return;
  let response;
  try {
    response = await request(`/tasks/${key}`, { fragment: "task" });
  } catch {
    return; // what is shown stays until the next change
  }
  const fresh = pickElement(response.html, "[data-task-page]");
  const shown = openTaskArticle();
  if (fresh && shown?.dataset.taskPage === key) morphRegion(shown, fresh);
}
