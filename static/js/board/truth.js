// Asking the server how the board stands: a few cards, or all of it.

import { ask, ownWrites, ownWritesAnswered, Unreachable } from "../shared/ask.js";
import { pick, morphBoard } from "../shared/morph.js";
import { changed, readCards, removeCard, showCard, theBoard, whenFree, inLanes } from "./cards.js";

const wanted = new Map();
let asking = false;

// more than these, and all of the board is less to ask for
const MANY = 100;

/** Do these belong to what the filter shows, and where? Asked together, a little later. */
export async function askAgain(keys, hue = null) {
  if (!theBoard()) return;
  for (const key of keys) wanted.set(key, hue);
  if (asking) return;
  asking = true;
  try {
    // one after the other: an older answer never comes over a newer one
    while (wanted.size) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      await askNow();
    }
  } finally {
    asking = false;
  }
}

async function askNow() {
  const board = theBoard();
  const keys = new Map(wanted);
  wanted.clear();
  if (inLanes(board) || keys.size > MANY) return resetBoard().catch(askLater);
  const url = new URL(board.dataset.cards, location.href);
  url.searchParams.set("keys", [...keys.keys()].join(","));
  let answer;
  try { answer = await ask(url, { part: "card" }); } catch (error) { return askLater(error); }
  whenFree(() => showOrRemove(keys, readCards(answer.html)));
}

function showOrRemove(keys, shown) {
  for (const card of shown) showCard(card, card.dataset.column, { hue: keys.get(card.dataset.task) });
  const here = new Set(shown.map((card) => card.dataset.task));
  // what is asked about once more has changed since
  for (const key of keys.keys()) if (!here.has(key) && !wanted.has(key)) removeCard(key);
}

let resetting = null;
let next = null;

/** The whole board anew. Asked for while an answer is under way: that one may be too old, so another follows it. */
export function resetBoard() {
  if (!resetting) return resetting = fetchBoard().finally(() => { resetting = null; });
  return next ??= resetting.catch(() => {}).then(() => { next = null; return resetBoard(); });
}

let later = null;

/** No answer came, and the stream does not say a thing twice: all of it is asked for when the line may be back. */
export function askLater(error) {
  if (!(error instanceof Unreachable || error.problem?.status >= 500)) return;
  later ??= setTimeout(() => { later = null; resetBoard().catch(askLater); }, 5000);
}

/** What is heard while the board is on its way is newer than the board: it is shown after it. */
export async function boardHasCome() {
  while (resetting) await resetting.catch(() => {});
}

async function fetchBoard() {
  const board = theBoard();
  if (!board) return;
  let fresh, before;
  do {
    await ownWritesAnswered();
    before = ownWrites();
    const { html } = await ask(board.dataset.url, { part: "board" });
    fresh = pick(html, "sortable-board");
    await new Promise(whenFree);
    // it knows nothing of what we did ourselves meanwhile
  } while (ownWrites() !== before);
  if (!fresh) return;
  morphBoard(board, fresh);
  changed(board);
}
