// A task is written where it will stand. Enter makes it and stays for the next; Escape is done.

import { announce } from "../shared/toasts.js";
import { ask, Refused } from "../shared/ask.js";
import { noted, refused } from "../shared/changes.js";
import { inLanes, readCards, showCard, theBoard } from "../board/cards.js";
import { askAgain } from "../board/truth.js";
import { showErrors } from "./enhanced-forms.js";
import { askWhatItWaitsOn } from "./task-dialog.js";

addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const link = event.target.closest("a.add, a[data-new]");
  const board = theBoard();
  if (!link || !board || !("editable" in board.dataset)) return;
  const wanted = new URL(link.href).searchParams.get("column");
  const column = link.closest(".column") ?? board.querySelector(`[data-column="${CSS.escape(wanted ?? "")}"]`) ?? board.querySelector(".column");
  if (!column) return;
  event.preventDefault();
  writeIn(column);
});

/** Open the field at the end of a column; its `+` says where the task goes. */
export function writeIn(column) {
  const list = column.querySelector("ol");
  let item = list.querySelector(":scope > .new");
  if (!item) {
    // what was half written in another column comes along
    const other = document.querySelector(".new");
    item = makeForm(column);
    item.querySelector("textarea").value = other?.querySelector("textarea").value ?? "";
    other?.remove();
    list.append(item);
  }
  item.scrollIntoView({ block: "nearest", inline: "nearest" });
  item.querySelector("textarea").focus();
}

function makeForm(column) {
  const link = new URL(column.querySelector("a.add")?.href ?? location.href, location.href);
  const item = document.createElement("li");
  item.className = "new";
  item.innerHTML = `<form method="post"><textarea name="title" rows="1" dir="auto" required maxlength="500"></textarea><p class="muted">Enter adds it, Escape is done</p></form>`;
  const form = item.firstElementChild;
  const title = form.elements.title;
  title.setAttribute("aria-label", `New task in ${column.dataset.name}`);
  title.placeholder = "What is to be done?";
  form.action = `/teams/${theBoard().dataset.team}/tasks`;
  form.dataset.column = column.dataset.column;
  form.dataset.sprint = link.searchParams.get("sprint") ?? "";
  title.addEventListener("keydown", (event) => {
    if (event.isComposing) return; // Enter chooses a word there
    if (event.key === "Enter") { event.preventDefault(); create(form, title); }
    if (event.key === "Escape") { event.preventDefault(); close(item, column); }
  });
  // a field left empty was opened by mistake
  title.addEventListener("blur", () => { if (!title.value.trim()) setTimeout(() => { if (document.activeElement !== title) item.remove(); }, 150); });
  form.addEventListener("submit", (event) => { event.preventDefault(); create(form, title); });
  return item;
}

// Somebody who types a list is faster than the line: titles leave one after the other, in order.
let line = Promise.resolve();

function create(form, title) {
  const text = title.value.trim();
  if (!text) return;
  title.value = "";
  showErrors(form, {});
  // whose answer was lost may have been made: sent again it is the same
  const sent = form.lost?.text === text ? form.lost : { text, key: `${Date.now()}-${Math.random()}` };
  line = line.then(() => send(form, title, sent));
}

async function send(form, title, sent) {
  const { column, sprint } = form.dataset;
  // what the board is narrowed to, the new one is too
  const q = document.getElementById("find")?.defaultValue ?? "";
  const fields = new URLSearchParams({ title: sent.text, column, sprint, q });
  try {
    const answer = await ask(form.action, { method: "POST", part: "card", fields, key: sent.key });
    const card = readCards(answer.html)[0];
    // whoever writes on is not interrupted: the card asks as well
    if (!document.querySelector(".new textarea")?.value) askWhatItWaitsOn(card);
    if (card) showCard(card, card.dataset.column ?? form.dataset.column);
    // it may belong to another lane than it was written in
    if (card && inLanes(theBoard())) askAgain([card.dataset.task]);
    noted(answer);
    announce(answer.said || `Added ${card?.dataset.task ?? sent.text}.`);
    if (form.isConnected) form.closest("li").scrollIntoView({ block: "nearest" });
  } catch (error) {
    giveBack(form, title, sent, error);
  }
}

/** Nothing typed is lost, nor what has been typed since; a field closed meanwhile opens again. */
function giveBack(form, title, sent, error) {
  if (!form.isConnected) {
    const column = theBoard().querySelector(`[data-column="${CSS.escape(form.dataset.column)}"]`);
    writeIn(column);
    title = column.querySelector(".new textarea");
    form = title.form;
  }
  form.lost = sent;
  title.value = title.value ? `${sent.text} ${title.value}` : sent.text;
  const errors = error instanceof Refused && error.problem.errors;
  if (errors) showErrors(form, errors);
  else refused(error, { again: () => create(form, title), kept: "The title is still in its field." });
}

function close(item, column) {
  item.remove();
  (column.querySelector("[data-task]:last-of-type h3 a") ?? column.querySelector(".add"))?.focus();
}
