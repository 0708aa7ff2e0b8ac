// The palette that `/` and Ctrl-K open: searches everything, and offers the pages and commands of this page.

import { openDialog } from "../shared/dialogs.js";
import { request } from "../shared/http.js";
import { pickElement } from "../shared/morph.js";
import { loadStyle } from "../shared/styles.js";
import { announce, showToast } from "../shared/toasts.js";
import { reportChange, reportError } from "../shared/undo-feedback.js";
import { findCard, getBoard } from "../board/cards.js";
import { cardCommands, runShortcut } from "../board/keyboard-shortcuts.js";

const PAUSE = 80; // milliseconds without typing before a request
const MOST_COMMANDS = 8; // shown of those of this page

/** @typedef {{ name: string, key?: string, run: () => void }} Command */

let dialog = null;
let field, list;
let commands = []; // of this page, gathered when the palette opens
let taskKey = ""; // the task whose actions are shown
let timer = 0;
let latestRequest = 0;

/** Opens the palette, or selects its text if it is open. */
export function openPalette() {
  dialog ??= create();
  if (!dialog.open) {
    commands = gatherCommands(document.activeElement);
    taskKey = "";
    field.value = "";
    list.replaceChildren();
    dialog.showModal();
    search();
  }
  field.focus();
  field.select();
}

function create() {
  loadStyle("search");
  const element = document.createElement("dialog");
  element.className = "palette";
  element.setAttribute("aria-label", "Search");
  element.innerHTML = `
    <input type="search" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-autocomplete="list"
      aria-label="Search tasks, people, pages and commands" maxlength="200" autocomplete="off" spellcheck="false"
      dir="auto" enterkeyhint="go">
    <button type="button" class="close" data-close aria-label="Close">✕</button>
    <div id="palette-list" role="listbox" aria-label="Results"></div>
    <p><kbd>↑↓</kbd> choose · <kbd>Enter</kbd> open · <kbd>Ctrl Enter</kbd> in a new tab · <kbd>Tab</kbd> actions for
      the selected task</p>`;
  [field, , list] = element.children;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE);
  });
  element.addEventListener("keydown", handleKey);
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (!option || event.ctrlKey || event.metaKey || event.shiftKey) return;
    dialog.close();
    if (option.dataset.key && getBoard()) return; // dialogs.js opens the task over the board
    event.preventDefault();
    if (option.run) option.run();
    else if (option.href) location.assign(option.href);
  });
  element.addEventListener("pointerdown", (event) => {
    if (event.target === element) element.close();
  });
  document.body.append(element);
  return element;
}

async function search() {
  if (taskKey) return showActions();
  const typed = field.value;
  const number = ++latestRequest;
  const team = document.documentElement.dataset.team ?? "";
  let response;
  try {
    response = await request(`/search?${new URLSearchParams({ q: typed, team })}`, { fragment: "palette" });
  } catch (error) {
    if (number === latestRequest) reportError(error, { retry: search });
    return;
  }
  if (number !== latestRequest || taskKey) return;
  const results = pickElement(response.html, "[data-results]");
  const own = matching(commands, typed).slice(0, MOST_COMMANDS);
  // What the page can do comes before other pages, but after what was found.
  if (own.length) results.lastElementChild.before(group("On this page", own));
  show(results);
}

function show(contents) {
  list.replaceChildren(contents);
  options().forEach((option, index) => {
    option.id = `result-${index}`;
  });
  select(options()[0]);
  const count = options().length;
  if (field.value) announce(count === 1 ? "1 result" : `${count} results`);
}

const options = () => [...list.querySelectorAll("[role=option]")];
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
  const all = options();
  const index = all.indexOf(selected());
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  if (event.key in steps && all.length) {
    select(all.at((index + steps[event.key]) % all.length));
  } else if (event.key === "Enter") {
    const option = selected();
    if (option?.href && (event.ctrlKey || event.metaKey)) open(option.href, "_blank", "noopener");
    else option?.click();
  } else if (event.key === "Tab" && !event.shiftKey && selected()?.dataset.key) {
    taskKey = selected().dataset.key;
    field.value = "";
    showActions();
  } else if (taskKey && !field.value && (event.key === "Backspace" || event.key === "Escape")) {
    taskKey = "";
    search();
  } else if (event.key === "Escape" && field.value) {
    field.value = "";
    search();
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

/** @param {Command[]} all @param {string} typed @returns {Command[]} those whose names contain every word */
function matching(all, typed) {
  const words = fold(typed).split(/\s+/);
  return all.filter(({ name }) => words.every((word) => fold(name).includes(word)));
}

const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

function group(title, entries) {
  const element = document.createElement("div");
  element.role = "group";
  element.ariaLabel = title;
  const heading = document.createElement("h3");
  heading.ariaHidden = "true";
  heading.textContent = title;
  element.append(heading);
  for (const { name, key, href, run } of entries) {
    const option = document.createElement(href ? "a" : "div");
    option.role = "option";
    if (href) option.href = href;
    option.run = run;
    const text = document.createElement("span");
    text.className = "text";
    text.dir = "auto";
    text.textContent = name;
    option.append(text);
    if (key) option.append(Object.assign(document.createElement("kbd"), { textContent: key }));
    element.append(option);
  }
  return element;
}

/** The actions of a task among the results, which may be on another board. */
function showActions() {
  const key = taskKey;
  const card = findCard(key);
  const url = `/tasks/${key}`;
  const change = (path, kept) => async () => {
    try {
      const fields = new URLSearchParams();
      reportChange(await request(`${url}/${path}`, { method: "POST", fragment: "card", fields }));
    } catch (error) {
      reportError(error, { kept });
    }
  };
  const copy = async () => {
    await navigator.clipboard.writeText(new URL(url, location.href).href);
    showToast(`Copied the link to ${key}.`);
  };
  const actions = [
    { name: `Open ${key}`, href: url },
    ...(card ? cardCommands(card) : [
      { name: `Move ${key} to…`, run: () => openDialog(`${url}/move`) },
      { name: `Assign ${key} to me, or unassign me`, run: change("owners/me", `${key} was not changed.`) },
      { name: `Block ${key}…`, run: () => openDialog(`${url}/block`) },
      { name: `Archive ${key}`, run: change("archive", `${key} was not changed.`) },
    ]),
    ...(navigator.clipboard ? [{ name: `Copy the link to ${key}`, run: copy }] : []),
  ];
  const contents = document.createElement("div");
  contents.append(group(`Actions for ${key}`, matching(actions, field.value)));
  show(contents);
}

/**
 * What the keys and menus of this page do, for the open task, the focused card or the selected cards.
 * @param {Element | null} focused
 * @returns {Command[]}
 */
function gatherCommands(focused) {
  const article = document.querySelector("dialog[open] [data-task-page]") ?? document.querySelector("[data-task-page]");
  const card = focused?.closest("[data-task]");
  return [
    ...(article ? controlsIn(article, article.dataset.taskPage) : []),
    ...(card ? cardCommands(card) : []),
    ...bulkCommands(),
    ...pageCommands(),
    ...menuCommands(),
  ];
}

/** What can be pressed in an open task: buttons of its properties, and the menus that edit it. */
function controlsIn(article, key) {
  const controls = "[data-shortcut], aside :is(button, a.button), :not(.timeline *) > .quiet-menu > summary";
  const isAction = (control) => control.checkVisibility() && !control.closest("details:not([open]) > :not(summary)");
  const commands = [...article.querySelectorAll(controls)].filter(isAction).map((control) => ({
    name: `${key}: ${nameOf(control)}`,
    key: control.dataset.shortcut,
    run: () => control.click(),
  }));
  return commands.filter(({ name }, index) => commands.findIndex((other) => other.name === name) === index);
}

/** One command for each value that the bar of selected tasks can set. */
function bulkCommands() {
  const bar = document.querySelector("[data-bulk-bar]:not([hidden])");
  if (!bar) return [];
  const count = bar.querySelector("[data-bulk-count]").textContent;
  const values = [...bar.querySelectorAll("select")].flatMap((select) => [...select.options]
    .filter((option) => option.value)
    .map((option) => ({
      name: `${count}: ${nameOf(select.closest("label").firstElementChild)} ${option.text}`,
      run: () => {
        select.value = option.value;
        bar.requestSubmit();
      },
    })));
  const archive = bar.querySelector("[name=archive]");
  return [...values, { name: `${count}: Archive`, run: () => bar.requestSubmit(archive) }];
}

function pageCommands() {
  const keys = [["f", "Filter the board"], ["u", "Undo the last change"], ["?", "Show keyboard shortcuts"]];
  return keys
    .filter(([key]) => key !== "f" || document.getElementById("find"))
    .map(([key, name]) => ({ name, key, run: () => runShortcut(key) }));
}

/** The entries of the page's menus, after the name of the menu. */
function menuCommands() {
  return [...document.querySelectorAll("details:not([data-task-page] *):has(> .popup)")].flatMap((menu) => {
    const isAccount = menu.matches(".me-menu");
    if (menu.matches(".team-menu, .pages-menu")) return []; // pages are found anyway
    const title = nameOf(menu.querySelector("summary")).replace(/:.*/, "");
    return [...menu.querySelectorAll(isAccount ? ".popup button" : ".popup :is(a, button)")].map((control) => ({
      name: `${isAccount ? (control.name === "theme" ? "Theme" : "Account") : title}: ${nameOf(control)}`,
      run: () => control.click(),
    }));
  });
}

const nameOf = (element) => {
  const copy = element.cloneNode(true);
  copy.querySelectorAll("kbd, [aria-hidden=true]").forEach((hidden) => hidden.remove());
  return copy.textContent.replace(/\s+/g, " ").trim();
};
