// Fetches the current state from the server: a few cards, or the whole board.

import { NetworkError, request, whenWritesSettled, writeCount } from "../shared/http.js";
import { morphBoard, pickElement } from "../shared/morph.js";
import { cardsIn, getBoard, hasLanes, notifyBoardChanged, parseCards, removeCard, upsertCard } from "./cards.js";
import { whenUnlocked } from "./drag-lock.js";

const pendingKeys = new Map();
let refreshing = null;

// With more cards than this, fetching the whole board is cheaper.
const MAX_CARDS = 100;

// The server sends this many cards of each list unless it is asked for more.
const FIRST_CARDS = 100;

/**
 * Fetches these cards again, to learn whether they match the filter and where they are. Calls are batched.
 * @param {Iterable<string>} keys
 * @param {number | null} [hue] the colour of the person who changed them, if it was someone else
 */
export async function refreshCards(keys, hue = null) {
  if (!getBoard()) return;
  for (const key of keys) pendingKeys.set(key, hue);
  refreshing ??= fetchPending().finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function fetchPending() {
  // One request at a time, so that an older response never replaces a newer one.
  while (pendingKeys.size) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    await fetchCards();
  }
}

/** Waits for the cards that are being fetched. */
export async function whenRefreshed() {
  while (refreshing) await refreshing.catch(() => {});
}

async function fetchCards() {
  const board = getBoard();
  const keys = new Map(pendingKeys);
  pendingKeys.clear();
  if (hasLanes(board) || keys.size > MAX_CARDS) return reloadBoard().catch(retryReload);
  const url = new URL(board.dataset.cards, location.href);
  url.searchParams.set("keys", [...keys.keys()].join(","));
  let response;
  try {
    response = await request(url, { fragment: "card" });
  } catch (error) {
    return retryReload(error);
  }
  whenUnlocked(() => applyCards(keys, parseCards(response.html)));
}

function applyCards(keys, cards) {
  for (const card of cards) upsertCard(card, card.dataset.column, { hue: keys.get(card.dataset.task) });
  const found = new Set(cards.map((card) => card.dataset.task));
  // A key that is pending again has changed since.
  for (const key of keys.keys()) if (!found.has(key) && !pendingKeys.has(key)) removeCard(key);
}

let reload = null;
let nextReload = null;

/**
 * Fetches the whole board. A call during a reload starts another one after it, because the response on its way may be
 * too old.
 * @returns {Promise<void>}
 */
export function reloadBoard() {
  if (!reload) {
    return reload = fetchBoard().finally(() => {
      reload = null;
    });
  }
  return nextReload ??= reload.catch(() => {}).then(() => {
    nextReload = null;
    return reloadBoard();
  });
}

let retryTimer = null;

/**
 * Reloads the board later, if the request failed for a reason that passes. The event stream does not repeat events, so
 * the whole board is needed then.
 * @param {Error} error
 */
export function retryReload(error) {
  if (!(error instanceof NetworkError || error.problem?.status >= 500)) return;
  retryTimer ??= setTimeout(() => {
    retryTimer = null;
    reloadBoard().catch(retryReload);
  }, 5000);
}

/** Waits for a reload in progress. Events that arrive meanwhile are newer than its response and apply after it. */
export async function whenReloaded() {
  while (reload) await reload.catch(() => {});
}

/** The board's URL for as many cards of each list as are loaded. */
function urlOfAll(board) {
  const url = new URL(board.dataset.url, location.href);
  const loaded = Math.max(...[...board.querySelectorAll(".column > ol")].map((list) => cardsIn(list).length));
  if (loaded > FIRST_CARDS) url.searchParams.set("shown", loaded);
  return url;
}

async function fetchBoard() {
  const board = getBoard();
  if (!board) return;
  let fresh;
  let writesBefore;
  do {
    await whenWritesSettled();
    writesBefore = writeCount();
    const { html } = await request(urlOfAll(board), { fragment: "board" });
    fresh = pickElement(html, "sortable-board");
    await new Promise(whenUnlocked);
    // The response misses writes that this window has made since.
  } while (writeCount() !== writesBefore);
  if (!fresh) return;
  morphBoard(board, fresh);
  notifyBoardChanged(board);
}
