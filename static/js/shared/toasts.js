// Toasts at the foot of the page, and announcements for screen readers.

const DURATION = 8000; // milliseconds

/**
 * Shows a toast. It leaves by itself unless it is sticky, as errors are, or being read.
 * @param {string} text
 * @param {object} [options]
 * @param {{ label: string, run: () => void } | null | false} [options.action]
 * @param {boolean} [options.sticky] stays until it is dismissed
 * @param {{ label: string, href: string }} [options.link]
 * @param {string} [options.about] the task it is about; a newer toast about it replaces this one
 */
export function showToast(text, { action, sticky = false, link, about = "" } = {}) {
  const toast = document.createElement("div");
  toast.className = "toast";
  toast.dataset.about = about;
  const paragraph = document.createElement("p");
  paragraph.dir = "auto";
  paragraph.textContent = text;
  toast.append(paragraph);
  const leave = () => {
    clearTimeout(timer);
    toast.remove();
  };
  if (action) {
    toast.append(createButton(action.label, "", () => {
      leave();
      action.run();
    }));
  }
  if (link) toast.append(Object.assign(document.createElement("a"), { href: link.href, textContent: link.label }));
  if (action || sticky) toast.append(createButton("✕", "dismiss", leave, "Dismiss"));

  dismissToasts(about);
  const container = attachToasts();
  // A new toast replaces older ones, but not the sticky ones.
  toast.classList.toggle("stays", sticky);
  if (!sticky) container.querySelectorAll(".toast:not(.stays)").forEach((older) => older.remove());
  container.append(toast);
  while (container.children.length > 3) container.firstElementChild.remove();

  let timer;
  const startTimer = () => {
    clearTimeout(timer);
    if (!sticky) timer = setTimeout(leave, action ? DURATION : DURATION / 2);
  };
  toast.addEventListener("pointerenter", () => clearTimeout(timer));
  toast.addEventListener("focusin", () => clearTimeout(timer));
  toast.addEventListener("pointerleave", startTimer);
  toast.addEventListener("focusout", startTimer);
  startTimer();
}

/**
 * Removes toasts about a task, for example because its move is being tried again.
 * @param {string} about
 */
export function dismissToasts(about) {
  if (!about) return;
  document.querySelectorAll(`.toast[data-about="${CSS.escape(about)}"]`).forEach((toast) => toast.remove());
}

function createButton(text, className, run, label) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = className;
  button.textContent = text;
  if (label) button.setAttribute("aria-label", label);
  button.addEventListener("click", run);
  return button;
}

/**
 * Moves the toasts into the topmost modal dialog, which makes everything outside inert, or back into the page. Called
 * also before a dialog is removed, so that its toasts survive.
 * @returns {HTMLElement}
 */
export function attachToasts() {
  const toasts = document.getElementById("toasts")
    ?? Object.assign(document.createElement("div"), { id: "toasts", className: "toasts", role: "status" });
  toasts.setAttribute("aria-live", "polite");
  const parent = [...document.querySelectorAll("dialog:modal")].at(-1) ?? document.body;
  if (toasts.parentElement !== parent) parent.append(toasts);
  return toasts;
}

let liveRegion;

/**
 * Says something to screen readers at once.
 * @param {string} text
 */
export function announce(text) {
  if (!liveRegion) {
    liveRegion = document.createElement("div");
    liveRegion.className = "visually-hidden";
    liveRegion.setAttribute("aria-live", "assertive");
    document.body.append(liveRegion);
  }
  // A new node, because the same text twice would not be spoken twice.
  liveRegion.replaceChildren(document.createTextNode(text));
}
