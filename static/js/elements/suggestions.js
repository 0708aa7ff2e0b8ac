// Suggests how to go on with the word that is being typed: terms of a filter, mentions and task keys.

import { request } from "../shared/http.js";
import { pickElement } from "../shared/morph.js";
import { loadStyle } from "../shared/styles.js";

const PAUSE = 100; // milliseconds without typing before a request
// A mention or the beginning of a key right before the cursor.
const WORD_IN_TEXT = /(?:^|[^\p{L}\p{N}_@/])(@[\p{L}\p{N}-]*|[A-Za-z][A-Za-z0-9]{1,9}-\d*)$/u;

const list = document.createElement("div");
list.id = "suggestions";
list.className = "popup suggestions";
list.setAttribute("role", "listbox");
list.setAttribute("aria-label", "Suggestions");
list.hidden = true;

loadStyle("search");

let field = null;
let timer = 0;
let latestRequest = 0;

/**
 * Suggests in a field from now on.
 * @param {HTMLInputElement | HTMLTextAreaElement} target marked `data-suggest`
 */
export function suggestIn(target) {
  if (target.getAttribute("aria-controls") === list.id) return;
  target.setAttribute("aria-autocomplete", "list");
  target.setAttribute("aria-controls", list.id);
  target.autocomplete = "off";
  target.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => suggest(target), PAUSE);
  });
  target.addEventListener("blur", close);
  // Before the keys of the form and of dialogs.
  target.addEventListener("keydown", handleKey, { capture: true });
  if (target.dataset.suggest === "filter") {
    target.addEventListener("focus", () => suggest(target));
    if (target === document.activeElement) suggest(target);
  }
}

list.addEventListener("pointerdown", (event) => {
  event.preventDefault(); // the field keeps the focus
  const option = event.target.closest("[role=option]");
  if (option) accept(option);
});

/** The word before the cursor, or null if there is nothing to suggest. */
function wordOf(target) {
  const before = target.value.slice(0, target.selectionStart);
  if (target.dataset.suggest === "filter") return /[^\s"]*$/.exec(before)[0];
  return WORD_IN_TEXT.exec(before)?.[1] ?? null;
}

async function suggest(target, asked = false) {
  const number = ++latestRequest;
  const word = wordOf(target);
  const { team } = document.documentElement.dataset;
  const isBetweenWords = !word && target.value.trim() && !asked;
  if (word === null || isBetweenWords || !team || target !== document.activeElement) return close();
  const query = new URLSearchParams({ for: target.dataset.suggest, q: word });
  let response;
  try {
    response = await request(`/teams/${team}/suggestions?${query}`, { fragment: "suggestions" });
  } catch {
    return close(); // typing goes on without
  }
  if (number !== latestRequest || target !== document.activeElement) return;
  const found = pickElement(response.html, "[data-suggestions]");
  if (!found?.children.length) return close();
  list.replaceChildren(...found.children);
  [...list.children].forEach((option, index) => {
    option.id = `suggestion-${index}`;
  });
  field = target;
  target.closest("dialog, main, .filters, form").append(list);
  list.hidden = false;
  const { left, bottom, top } = target.getBoundingClientRect();
  const below = innerHeight - bottom > list.offsetHeight || top < list.offsetHeight;
  list.style.left = `${Math.max(8, Math.min(left, innerWidth - list.offsetWidth - 8))}px`;
  list.style.top = `${below ? bottom + 4 : top - list.offsetHeight - 4}px`;
  // In a filter Enter applies what is typed, unless a suggestion was chosen.
  select(target.dataset.suggest === "filter" ? null : list.firstElementChild);
}

function close() {
  latestRequest++;
  clearTimeout(timer);
  list.hidden = true;
  field?.removeAttribute("aria-activedescendant");
  field = null;
}

const selected = () => list.querySelector("[aria-selected=true]");

function select(option) {
  selected()?.removeAttribute("aria-selected");
  if (!option) return field.removeAttribute("aria-activedescendant");
  option.setAttribute("aria-selected", "true");
  field.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

function handleKey(event) {
  if (event.isComposing || event.keyCode === 229) return;
  if (list.hidden && event.key === "ArrowDown" && event.target.dataset.suggest === "filter") {
    suggest(event.target, true);
    return;
  }
  if (list.hidden || event.target !== field) return;
  const all = [...list.children];
  const index = all.indexOf(selected());
  if (event.key === "ArrowDown") select(all[(index + 1) % all.length]);
  else if (event.key === "ArrowUp") select(all.at(index <= 0 ? -1 : index - 1));
  else if (event.key === "Escape") close();
  else if ((event.key === "Enter" || event.key === "Tab") && selected() && !event.ctrlKey && !event.metaKey) {
    accept(selected());
  } else return;
  event.preventDefault();
  event.stopImmediatePropagation();
}

function accept(option) {
  const target = field;
  const { insert } = option.dataset;
  const end = target.selectionStart;
  const start = end - wordOf(target).length;
  const isWhole = !insert.endsWith(":");
  target.setRangeText(insert + (isWhole && target.value[end] !== " " ? " " : ""), start, end, "end");
  close();
  target.dispatchEvent(new InputEvent("input", { bubbles: true }));
}
