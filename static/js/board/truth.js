// Asking the server how the board stands: a few cards, or all of it.

import { ask } from "../shared/ask.js";
import { pick, morphBoard } from "../shared/morph.js";
import { changed, readCards, removeCard, showCard, theBoard, whenFree, inLanes } from "./cards.js";

const wanted = new Map();
let timer = null;

/** Do these belong to what the filter shows, and where? Asked together, a little later. */
export function askAgain(keys, hue = null) {
  if (!theBoard()) return;
  for (const key of keys) wanted.set(key, hue);
  if (wanted.size) timer ??= setTimeout(askNow, 50);
}

async function askNow() {
  timer = null;
  const board = theBoard();
  const keys = new Map(wanted);
  wanted.clear();
  if (!board) return;
  if (inLanes(board)) return resetBoard();
  const url = new URL(board.dataset.cards, location.href);
  url.searchParams.set("keys", [...keys.keys()].join(","));
  let answer;
  try { answer = await ask(url, { part: "card" }); } catch { return; /* the stream says when the line is back */ }
  whenFree(() => {
    const shown = readCards(answer.html);
    for (const card of shown) showCard(card, card.dataset.column, { hue: keys.get(card.dataset.task) });
    const here = new Set(shown.map((card) => card.dataset.task));
    for (const key of keys.keys()) if (!here.has(key)) removeCard(key);
  });
}

let resetting = null;

/** The whole board anew. Many reasons at once are one request. */
export function resetBoard() {
  resetting ??= fetchBoard().finally(() => { resetting = null; });
  return resetting;
}

async function fetchBoard() {
  const board = theBoard();
  if (!board) return;
  const { html } = await ask(board.dataset.url, { part: "board" });
  const fresh = pick(html, "sortable-board");
  if (!fresh) return;
  await new Promise((resolve) => whenFree(() => {
    morphBoard(board, fresh);
    changed(board);
    resolve();
  }));
}
