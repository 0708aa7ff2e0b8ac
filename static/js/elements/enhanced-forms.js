// Forms marked data-enhance are sent without leaving the page; unmarked ones work as they always did.

import { ask, Refused } from "../shared/ask.js";
import { told, refused } from "../shared/changes.js";
import { markClean, morphRegion, pick, openTask, refreshTask } from "../shared/morph.js";
import { askWhatItWaitsOn, closeTask } from "./task-dialog.js";
import { askAgain } from "../board/truth.js";
import { readCards, showAnswered, whenFree } from "../board/cards.js";

// Arrows in a closed list choose whatever they pass: what is meant is sent with Enter, or when the reader goes on.
let byKeys = null;
let passed = null;

addEventListener("keydown", (event) => {
  const list = event.target.closest?.("select[data-autosubmit]");
  if (!list) return;
  // these open the list, and a choice in an open one is meant
  byKeys = [" ", "Enter", "F4"].includes(event.key) || event.altKey ? null : list;
  if (event.key === "Enter" && passed) { event.preventDefault(); sendPassed(); }
});

addEventListener("pointerdown", () => { byKeys = null; });
addEventListener("focusout", sendPassed);

addEventListener("change", ({ target }) => {
  if (!target.matches?.("[data-autosubmit]")) return;
  // a text that Enter has sent already is what stands
  if (target.value === target.defaultValue && target.type !== "checkbox") return;
  passed = target;
  if (target !== byKeys) sendPassed();
});

function sendPassed() {
  passed?.form?.requestSubmit();
  passed = null;
}

// writing below a choice is choosing it
addEventListener("input", ({ target }) => {
  const choice = target.closest?.(".field")?.previousElementSibling;
  if (choice?.matches("label")) choice.control.checked = true;
});

// a title is one line, however many it takes: it grows with what is typed, and Enter sends it
addEventListener("input", ({ target }) => {
  const title = target.matches?.(".title-form textarea") && target.closest("h1");
  if (title) title.dataset.text = target.value;
});

addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.isComposing && event.target.matches?.(".title-form textarea")) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
  // Enter makes a line in a text; with Ctrl it sends
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches?.("form[data-enhance] textarea")) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
});

addEventListener("submit", (event) => {
  const form = event.target;
  // a button that only closes a dialog sends nothing
  if (event.defaultPrevented || !form.matches("form[data-enhance]") || event.submitter?.formMethod === "dialog") return;
  event.preventDefault();
  if (form.getAttribute("aria-busy") !== "true") send(form, event.submitter);
});

async function send(form, submitter) {
  const url = new URL(submitter?.hasAttribute("formaction") ? submitter.formAction : form.getAttribute("action") || location.href, location.href);
  const method = (submitter?.getAttribute("formmethod") ?? form.getAttribute("method") ?? "get").toUpperCase();
  const data = new FormData(form, submitter);
  const fields = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
  if (method === "GET") url.search = fields;
  form.setAttribute("aria-busy", "true");
  try {
    receive(form, await ask(url, { method, part: form.dataset.fragment ?? "task", fields: method === "GET" ? undefined : fields }));
  } catch (error) {
    if (error instanceof Refused && error.problem.errors) showErrors(form, error.problem.errors);
    refused(error, { again: form.isConnected && (() => send(form, submitter)), kept: "What you entered is still here." });
  } finally {
    form.removeAttribute("aria-busy");
  }
}

function receive(form, answer) {
  const page = form.closest("[data-task-page]")?.dataset.taskPage;
  const fresh = readCards(answer.html);
  const cards = fresh.map((card) => card.dataset.task);
  const small = form.closest("dialog.small");
  if (answer.ok) {
    markClean(form);
    told(answer);
  }
  if (answer.ok && (answer.done || cards.length)) {
    whenFree(() => { showAnswered(answer.html); askAgain(cards); });
    if (small) {
      small.close();
      // what was asked in it may be about the task that is open under it
      refreshTask(openTask()?.dataset.taskPage);
      if (form.action.endsWith("/position")) askWhatItWaitsOn(fresh[0]);
    } else if (page) {
      // nothing is left to show of a task that was archived
      askAgain([page]);
      closeTask(answer.redirected ? answer.url : "/");
    }
    return;
  }
  const region = form.closest("[data-region]");
  const anew = pick(answer.html, "[data-region]");
  if (anew && region) {
    morphRegion(region, anew, form);
    region.querySelector("[aria-invalid=true]")?.focus();
    // also when it was refused: somebody may have been quicker
    const key = page ?? form.closest("[data-of]")?.dataset.of;
    if (key) askAgain([key]);
  } else if (answer.redirected) {
    location.assign(answer.url);
  } else if (answer.ok) {
    location.reload();
  }
}

/** The server's sentences under the fields they are about. */
export function showErrors(form, errors) {
  form.querySelectorAll(".field-error[data-from-answer]").forEach((line) => line.remove());
  for (const field of form.elements) {
    field.removeAttribute("aria-invalid");
    const sentences = errors[field.name];
    if (!field.name || !sentences) continue;
    const line = document.createElement("p");
    line.className = "field-error";
    line.dataset.fromAnswer = "";
    line.id = `error-${field.name}-${Math.random().toString(36).slice(2, 8)}`;
    line.textContent = [sentences].flat().join(" ");
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", line.id);
    field.after(line);
  }
  form.querySelector("[aria-invalid=true]")?.focus();
}
