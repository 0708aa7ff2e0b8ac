// Bringing a piece of the page up to date without taking anything out of the reader's hands.

import { ask } from "./ask.js";
import { Idiomorph } from "../../vendor/idiomorph.esm.js";

const dirty = new WeakSet();

document.addEventListener("input", ({ target }) => { if (target.form) dirty.add(target.form); });
document.addEventListener("reset", ({ target }) => dirty.delete(target));

export const isDirty = (form) => dirty.has(form);
export const markDirty = (form) => dirty.add(form);
export const markClean = (form) => dirty.delete(form);

/** The first element of `html` that matches, detached. */
export function pick(html, selector) {
  const found = new DOMParser().parseFromString(html, "text/html").querySelector(selector);
  return found && document.adoptNode(found);
}

/**
 * Make `region` look like `fresh`. A form somebody has typed into is left as it is, except `sent`,
 * whose answer this is; the field with the cursor keeps its text.
 */
export function morphRegion(region, fresh, sent = null) {
  const own = sent?.contains(document.activeElement);
  const spare = (node) => node instanceof HTMLFormElement && node !== sent && dirty.has(node);
  Idiomorph.morph(region, fresh, {
    ignoreActiveValue: !own,
    callbacks: {
      // an element marked data-own draws itself
      beforeNodeMorphed: (old, now) => !(spare(old) && now.nodeName === "FORM") && old.dataset?.own === undefined,
      beforeNodeRemoved: (old) => !spare(old),
      // what the reader has opened stays open
      beforeAttributeUpdated: (name, node) => !(name === "open" && node.nodeName === "DETAILS"),
    },
  });
}

/** The whole board: only a task being written there is not the server's to take away. */
export function morphBoard(board, fresh) {
  Idiomorph.morph(board, fresh, {
    callbacks: {
      beforeNodeRemoved: (old) => !old.matches?.(".new, :has(.new)"),
      // what this window put there itself
      beforeAttributeUpdated: (name, node) => !(name === "tabindex" || (name === "class" && node === board)),
    },
  });
}

// The task that is open: over the board or as a page of its own, it is the same article.
export const openTask = () => document.querySelector("[data-task-page]");

/** Somebody changed it, or we did from elsewhere: bring the article up to date, not what is being typed. */
export async function refreshTask(key) {
  if (!key || openTask()?.dataset.taskPage !== key) return;
  let answer;
  try { answer = await ask(`/tasks/${key}`, { part: "task" }); } catch { return; /* it stays as it was */ }
  const fresh = pick(answer.html, "[data-task-page]");
  const shown = openTask();
  if (fresh && shown?.dataset.taskPage === key) morphRegion(shown, fresh);
}
