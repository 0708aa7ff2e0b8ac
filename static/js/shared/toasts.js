// What happened, and what can be done about it, at the foot of the page; and what the eyes see at
// once, said for those who listen.

const QUIET = 8000;

/**
 * `act` is a word and what it does: `{ label: "Undo", run }`. A message that says something went
 * wrong stays until it is answered; the others leave by themselves, unless they are being read.
 */
export function say(text, { act, stays = false, link, about = "" } = {}) {
  const toast = document.createElement("div");
  toast.className = "toast";
  toast.dataset.about = about;
  const words = document.createElement("p");
  words.dir = "auto";
  words.textContent = text;
  toast.append(words);
  const leave = () => { clearTimeout(timer); toast.remove(); };
  if (act) toast.append(button(act.label, "", () => { leave(); act.run(); }));
  if (link) toast.append(Object.assign(document.createElement("a"), { href: link.href, textContent: link.label }));
  if (act || stays) toast.append(button("✕", "dismiss", leave, "Dismiss"));

  hush(about);
  const place = within();
  // news replaces news; what went wrong waits beside it
  toast.classList.toggle("stays", stays);
  if (!stays) place.querySelectorAll(".toast:not(.stays)").forEach((older) => older.remove());
  place.append(toast);
  while (place.children.length > 3) place.firstElementChild.remove();

  let timer;
  const wait = () => { clearTimeout(timer); if (!stays) timer = setTimeout(leave, act ? QUIET : QUIET / 2); };
  toast.addEventListener("pointerenter", () => clearTimeout(timer));
  toast.addEventListener("focusin", () => clearTimeout(timer));
  toast.addEventListener("pointerleave", wait);
  toast.addEventListener("focusout", wait);
  wait();
  return { leave };
}

/** What was said about this is over: it has been tried again, or done otherwise. */
export function hush(about) {
  if (about) document.querySelectorAll(`.toast[data-about="${CSS.escape(about)}"]`).forEach((toast) => toast.remove());
}

function button(text, className, run, label) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = className;
  made.textContent = text;
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", run);
  return made;
}

/** A modal dialog makes all else inert: messages have to stand inside the topmost one. */
function within() {
  const toasts = document.getElementById("toasts") ?? Object.assign(document.createElement("div"), { id: "toasts", className: "toasts", role: "status" });
  toasts.setAttribute("aria-live", "polite");
  const home = [...document.querySelectorAll("dialog:modal")].at(-1) ?? document.body;
  if (toasts.parentElement !== home) home.append(toasts);
  return toasts;
}

/** Called when a dialog goes, so that its messages do not go with it. */
export const rescueToasts = () => within();

let region;

export function announce(text) {
  if (!region) {
    region = document.createElement("div");
    region.className = "visually-hidden";
    region.setAttribute("aria-live", "assertive");
    document.body.append(region);
  }
  // the same words twice would not be spoken twice: a changed node is
  region.replaceChildren(document.createTextNode(text));
}
