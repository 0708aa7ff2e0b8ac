// Copies the name of a branch for the open task: by its button, or by the keys g and b one after the other.

import { showToast } from "../shared/toasts.js";

const BETWEEN_KEYS = 1000; // milliseconds
let pressedG = -BETWEEN_KEYS;

/**
 * Whether a key is the second of the two.
 * @param {string} key
 * @param {number} at the time of the event
 */
export function isBranchChord(key, at) {
  const follows = at - pressedG < BETWEEN_KEYS;
  pressedG = key === "g" ? at : -BETWEEN_KEYS;
  return key === "b" && follows;
}

/**
 * Copies the name that the open task shows.
 * @returns {boolean} whether there is one
 */
export function copyBranchName() {
  const scope = document.querySelector("dialog.modal[open]") ?? document.querySelector("main");
  const name = scope?.querySelector("[data-branch]");
  if (!name) return false;
  // The clipboard is only there over HTTPS and on this machine.
  const copied = navigator.clipboard?.writeText(name.textContent) ?? Promise.reject();
  copied.then(() => showToast("Branch name copied."), () => {
    getSelection().selectAllChildren(name);
    showToast("Branch name selected. Copy it with Ctrl C.");
  });
  return true;
}

addEventListener("click", ({ target }) => {
  if (target.closest?.("[data-copy-branch]")) copyBranchName();
});
