// After a change: say it, offer to undo it; or say why not, and offer to try again.

import { refreshTask } from "./morph.js";
import { ask, ownWritesAnswered, Refused, Unreachable } from "./ask.js";
import { say } from "./toasts.js";
import { showAnswered } from "../board/cards.js";
import { askAgain } from "../board/truth.js";

// this window's changes, the latest at the end: `u` walks back through them
const made = JSON.parse(sessionStorage.made ?? "[]");

/** Undoable with `u`, but not worth a message: the reader sees it. */
export function noted(answer) {
  if (!answer.undoable) return;
  made.push(answer.change);
  keep();
}

export function told(answer) {
  noted(answer);
  if (!answer.said) return;
  const change = answer.change;
  say(answer.said, answer.undoable ? { act: { label: "Undo", run: () => undo(change) } } : {});
}

export async function undoLast() {
  // what is still on its way is the last one
  await ownWritesAnswered();
  const last = made.at(-1);
  if (last) undo(last);
  else say("Nothing to undo in this window.");
}

async function undo(change) {
  const at = made.indexOf(change);
  if (at >= 0) made.splice(at, 1);
  keep();
  try {
    const answer = await ask(`/changes/${change}/undo`, { method: "POST", part: "card" });
    const keys = showAnswered(answer.html);
    askAgain(keys);
    keys.forEach(refreshTask);
    if (answer.said) say(answer.said);
  } catch (error) {
    refused(error, { again: error instanceof Refused ? null : () => undo(change) });
  }
}

/** `kept` says what became of it: a card that went back, words still in their field. */
export function refused(error, { again, kept = "", about = "" } = {}) {
  if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
  if (error instanceof Refused && error.problem.status === 401) {
    say(`You are signed out. ${kept}`, { stays: true, about, link: { label: "Sign in", href: location.href } });
    return;
  }
  // problems of the server's making and of the line's can pass; a rule will still be the rule
  say(`${error.message} ${kept}`.trim(), { stays: true, about, act: again && { label: "Try again", run: again } });
}

/** Also after a reload. */
function keep() {
  sessionStorage.made = JSON.stringify(made.slice(-20));
}
