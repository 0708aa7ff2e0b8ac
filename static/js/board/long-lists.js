// Long lists: each starts with its first cards. The rest is loaded as someone scrolls to it, moves there or asks for it.

import { request, whenWritesSettled, writeCount } from "../shared/http.js";
import { retryReload } from "./board-sync.js";
import { cardsIn, columnOf, findCard, moreOf, notifyBoardChanged, pageBoard, parseCards, placeByRank, upsertCard }
  from "./cards.js";
import { setCounts } from "./counts.js";
import { whenUnlocked } from "./drag-lock.js";

const loading = new Map();

/**
 * Loads the next cards of a list.
 * @param {HTMLElement} list
 * @param {string} [until] a rank: loads everything up to it
 * @returns {Promise<boolean>} whether cards were loaded; by a load that was under way already, perhaps not up to `until`
 */
export function loadMore(list, until = "") {
  if (!loading.has(list)) loading.set(list, fetchMore(list, until).finally(() => loading.delete(list)));
  return loading.get(list);
}

async function fetchMore(list, until) {
  const more = moreOf(list);
  if (!more) return false;
  const [path, query] = pageBoard.dataset.cards.split("?");
  const fields = new URLSearchParams(query);
  fields.set("column", columnOf(list).dataset.column);
  fields.set("lane", list.closest(".lane")?.dataset.lane ?? "");
  fields.set("after", more.dataset.after);
  fields.set("until", until);
  let response;
  try {
    response = await request(`${path}/more?${fields}`, { fragment: "card" });
  } catch (error) {
    retryReload(error);
    return false;
  }
  if (more.isConnected) appendCards(list, more, response.html);
  return true;
}

/** New cards are only appended, also during a drag. Cards that are on the board already are updated after it. */
function appendCards(list, more, html) {
  const alreadyOnBoard = [];
  for (const fresh of parseCards(html)) {
    if (findCard(fresh.dataset.task)) alreadyOnBoard.push(fresh);
    else more.before(fresh);
  }
  const next = Object.assign(document.createElement("template"), { innerHTML: html }).content.querySelector(".more");
  if (next) {
    for (const { name, value } of next.attributes) more.setAttribute(name, value);
    more.replaceChildren(...next.childNodes);
  } else {
    more.remove();
  }
  whenUnlocked(() => {
    for (const fresh of alreadyOnBoard) {
      upsertCard(fresh, columnOf(list).dataset.column);
      const card = findCard(fresh.dataset.task);
      if (card?.parentElement === list) placeByRank(card, list);
    }
  });
  notifyBoardChanged(pageBoard);
}

/**
 * Loads as much as is needed to show a card of this board.
 * @param {string} key
 * @returns {Promise<HTMLElement | null | undefined>} the card, if it belongs on the board
 */
export async function loadCard(key) {
  if (findCard(key) || !moreOf(pageBoard)) return findCard(key);
  const url = new URL(pageBoard.dataset.cards, location.href);
  url.searchParams.set("keys", key);
  let card;
  try {
    [card] = parseCards((await request(url, { fragment: "card" })).html);
  } catch {
    return null; // the board is still there, at its top
  }
  const column = card && pageBoard.querySelector(`:scope > [data-column="${CSS.escape(card.dataset.column)}"] > ol`);
  while (column && !findCard(key) && await loadMore(column, card.dataset.rank));
  return findCard(key);
}

let counting = null;

/** Cards that are not loaded come and go without this page knowing, so their number comes from the server. */
function countLater() {
  if (pageBoard.querySelector(":scope > .column > ol > .more")) counting ??= setTimeout(count, 300);
}

async function count() {
  let counts;
  let writesBefore;
  try {
    do {
      await whenWritesSettled();
      writesBefore = writeCount();
      const [path, query] = pageBoard.dataset.cards.split("?");
      counts = JSON.parse((await request(`${path}/counts?${query}`)).html);
    } while (writeCount() !== writesBefore);
  } catch {
    return; // the next change tries again
  } finally {
    counting = null;
  }
  whenUnlocked(() => setCounts(counts));
}

if (pageBoard && moreOf(pageBoard)) {
  // Before the end comes into view, so that no one waits for it.
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting || !target.isConnected) continue;
      observer.unobserve(target);
      // Observed anew, since it may still be in view. After a failure the next change of the board does so.
      loadMore(target.parentElement).then((loaded) => loaded && observer.observe(target));
    }
  }, { rootMargin: "600px 0px", scrollMargin: "600px 0px" });
  const observe = () => pageBoard.querySelectorAll("ol > .more").forEach((more) => observer.observe(more));
  observe();
  pageBoard.addEventListener("board:changed", () => {
    observe();
    countLater();
  });
  pageBoard.addEventListener("click", async (event) => {
    const link = event.target.closest("[data-more]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const list = link.closest("ol");
    const index = cardsIn(list).indexOf(link.closest(".more").previousElementSibling);
    await loadMore(list);
    cardsIn(list)[index + 1]?.querySelector("h3 a").focus();
  });
  const [, named] = location.hash.match(/^#([A-Z0-9]+-\d+)$/) ?? [];
  if (named) loadCard(named).then((card) => card?.scrollIntoView({ block: "center" }));
}
