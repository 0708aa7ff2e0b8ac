// The task that is open: over the board or as a page of its own, it is the same article.

import { ask } from "./ask.js";
import { morphRegion, pick } from "./morph.js";

export const openTask = () => document.querySelector("[data-task-page]");

/** Somebody changed it, or we did from elsewhere: bring the article up to date, not what is being typed. */
export async function refreshTask(key) {
  if (openTask()?.dataset.taskPage !== key) return;
  let answer;
  try { answer = await ask(`/tasks/${key}`, { part: "task" }); } catch { return; /* it stays as it was */ }
  const fresh = pick(answer.html, "[data-task-page]");
  const shown = openTask();
  if (fresh && shown?.dataset.taskPage === key) morphRegion(shown, fresh);
}
