// After a change: says what it did and offers to undo it, or says why it failed and offers to try again.

import { refreshTask } from "./morph.js";
import { HttpError, NetworkError, request, whenWritesSettled } from "./http.js";
import { showToast } from "./toasts.js";
import { applyResponseCards } from "../board/cards.js";
import { refreshCards } from "../board/board-sync.js";

/** @import { FragmentResponse } from "./http.js" */

// The changes of this window, oldest first: `u` undoes the last one. One that cannot be undone is null, so that `u` does
// not reach past it.
const changes = JSON.parse(sessionStorage.changes ?? "[]");

/**
 * Makes a change undoable with `u`, without a toast.
 * @param {FragmentResponse} response
 */
export function recordUndo(response) {
  const id = response.undoable ? response.changeId : null;
  if (id === null && changes.at(-1) === null) return;
  changes.push(id);
  save();
}

// Forms that load a new page also change something.
addEventListener("submit", ({ target, defaultPrevented }) => {
  const isChange = target.matches("[method=post]:not([data-enhance])")
    && /^\/(teams|tasks|projects|sprints)\//.test(target.getAttribute("action"));
  if (isChange && !defaultPrevented) recordUndo({ undoable: false });
});

/**
 * Says what a change did, with an Undo button if it can be undone.
 * @param {FragmentResponse} response
 */
export function reportChange(response) {
  if (response.repeated) return showRepeated(response);
  recordUndo(response);
  if (!response.message) return;
  const { changeId } = response;
  const options = response.undoable ? { action: { label: "Undo", run: () => undo(changeId) } } : {};
  showToast(response.message, options);
}

/** A change that had been made before has no parts to show: the page, loaded anew, shows it and says what it was. */
function showRepeated({ changeId }) {
  const url = new URL(location.href);
  url.searchParams.set("did", changeId);
  location.replace(url);
}

/** Undoes the latest change of this window. */
export async function undoLast() {
  // A change that is still being sent is the latest one.
  await whenWritesSettled();
  const last = changes.at(-1);
  if (last) undo(last);
  else showToast(changes.length ? "The last change cannot be undone." : "Nothing to undo in this tab.");
}

async function undo(changeId) {
  const index = changes.indexOf(changeId);
  if (index >= 0) changes.splice(index, 1);
  save();
  try {
    const response = await request(`/changes/${changeId}/undo`, { method: "POST", fragment: "card" });
    const keys = applyResponseCards(response.html);
    refreshCards(keys);
    keys.forEach(refreshTask);
    if (response.message) showToast(response.message);
  } catch (error) {
    reportError(error, { retry: error instanceof HttpError ? null : () => undo(changeId) });
  }
}

/**
 * Says why a request failed. Errors of other kinds are thrown again.
 * @param {Error} error
 * @param {object} [options]
 * @param {(() => void) | null | false} [options.retry]
 * @param {string} [options.kept] what happened to the card or the text
 * @param {string} [options.about] the task that the toast is about
 */
export function reportError(error, { retry, kept = "", about = "" } = {}) {
  if (!(error instanceof HttpError || error instanceof NetworkError)) throw error;
  if (error instanceof HttpError && error.problem.status === 401) {
    const link = { label: "Sign in", href: `/login?next=${encodeURIComponent(location.pathname + location.search)}` };
    showToast(`You are signed out. ${kept}`, { sticky: true, about, link });
    return;
  }
  const action = retry && { label: "Try again", run: retry };
  showToast(`${error.message} ${kept}`.trim(), { sticky: true, about, action });
}

/** Undo also works after a reload. */
function save() {
  sessionStorage.changes = JSON.stringify(changes.slice(-20));
}
