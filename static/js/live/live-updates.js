// Shows changes by other people as they happen.
//
// An element with data-live names the event stream, which may be that of several teams; data-seq holds the number of the
// last event that the page already shows. With data-fresh, the whole element is fetched again after a change.

import { announce } from "../shared/toasts.js";
import { HttpError, ownChangeIds, request, whenWritesSettled } from "../shared/http.js";
import { EventStream } from "./event-stream.js";
import { morphRegion, openTaskArticle, pickElement, refreshTask } from "../shared/morph.js";
import { findCard, getBoard, hasLanes, parseCards, removeCard, upsertCard } from "../board/cards.js";
import { whenUnlocked } from "../board/drag-lock.js";
import { refreshCards, reloadBoard, retryReload, whenRefreshed, whenReloaded } from "../board/board-sync.js";
import { setTotals } from "../board/counts.js";

const root = document.querySelector("[data-live]");
// A page without a stream of its own hears of the reader's inbox.
const source = root?.dataset.live || (document.documentElement.dataset.me && "/inbox/live");
const stream = source ? new EventStream(source, Number(root?.dataset.seq) || 0) : null;

if (root?.dataset.fresh !== undefined) {
  let timer = null;
  for (const type of root.dataset.fresh === "inbox" ? ["inbox"] : ["card", "goal", "reset"]) {
    stream?.addEventListener(type, () => {
      clearTimeout(timer);
      timer = setTimeout(refreshPage, 150);
    });
  }
}

/** Fetches the page again and shows what is new. */
export async function refreshPage() {
  await whenWritesSettled();
  let response;
  try {
    response = await request(location.href, { fragment: "page" });
  } catch {
    return; // the next change tries again
  }
  const fresh = pickElement(response.html, "[data-fresh]");
  if (fresh) morphRegion(root, fresh);
}

stream?.addEventListener("card", async ({ data }) => {
  const event = JSON.parse(data);
  // The response to our own change may still be on its way.
  await whenWritesSettled();
  if (event.key === openTaskArticle()?.dataset.taskPage) refreshTask(event.key);
  const board = getBoard();
  if (!board) return;
  // Only the server knows which lane the card belongs to now.
  if (hasLanes(board)) return reloadBoard().catch(retryReload);
  await whenReloaded();
  whenUnlocked(() => applyCardEvent(event));
});

stream?.addEventListener("columns", async ({ data }) => {
  const totals = JSON.parse(data);
  await whenWritesSettled();
  await whenReloaded();
  await whenRefreshed();
  if (getBoard()) whenUnlocked(() => setTotals(totals));
});

stream?.addEventListener("reset", () => {
  if (getBoard()) reloadBoard().catch(retryReload);
  if (openTaskArticle()) refreshTask(openTaskArticle().dataset.taskPage);
});

function applyCardEvent(event) {
  const board = getBoard();
  // Other people's changes are marked in their colour.
  const authorHue = ownChangeIds.has(event.change) ? null : event.hue ?? null;
  const fresh = event.html && parseCards(event.html)[0];
  // A response may have brought this version before the stream did.
  if (fresh && Number(findCard(event.key)?.dataset.version) >= Number(fresh.dataset.version)) return;
  if (!fresh) return removeCard(event.key);
  const sprint = board.dataset.sprint;
  if (sprint === undefined) return refreshCards([event.key], authorHue);
  const matches = sprint === "all" || String(event.sprint ?? "none") === sprint;
  if (matches) upsertCard(fresh, event.column, { hue: authorHue });
  else removeCard(event.key);
}

stream?.addEventListener("goal", ({ data }) => {
  const { id, html } = JSON.parse(data);
  const fresh = pickElement(html, `#goal-${CSS.escape(id)}`);
  const shown = document.getElementById(`goal-${id}`);
  if (fresh && shown) shown.replaceWith(fresh);
});

let unread = Number(document.querySelector("[data-unread]")?.dataset.unread) || 0;
stream?.addEventListener("inbox", ({ data }) => {
  const before = unread;
  unread = JSON.parse(data).unread;
  for (const count of document.querySelectorAll("[data-unread]")) {
    count.dataset.unread = unread;
    count.textContent = unread > 99 ? "99+" : unread || "";
  }
  if (unread > before) announce("New in your inbox.");
});

stream?.addEventListener("presence", ({ data }) => {
  const presence = document.querySelector("[data-presence]");
  if (!presence) return;
  presence.innerHTML = JSON.parse(data).html;
  // Only other people are shown.
  const me = CSS.escape(document.querySelector("#board")?.dataset.me ?? "");
  presence.querySelector(`[data-handle="${me}"]`)?.remove();
  // The server sends one avatar more than is shown, because one may be the reader's.
  presence.querySelector(".avatar:nth-of-type(7)")?.remove();
  const counter = presence.querySelector("[data-count]");
  // The reader's own stream is counted, even when their avatar is not among those sent.
  const others = counter.dataset.count - (me ? 1 : 0);
  counter.textContent = others
    ? `${others} other ${others === 1 ? "person" : "people"} viewing`
    : "Only you are viewing";
});

stream?.addEventListener("bye", ({ data }) => {
  let reason = "";
  try {
    reason = JSON.parse(data).why;
  } catch { /* the default reason is shown */ }
  endSession(reason || "You are signed out or no longer have access to this page.");
});

// The stream keeps being rejected. A normal request tells whether the page may still be seen.
stream?.addEventListener("rejected", async () => {
  try {
    if (getBoard()) await reloadBoard();
    else await request(location.href, { fragment: "page" });
  } catch (error) {
    if (error instanceof HttpError && [401, 403, 404].includes(error.problem.status)) endSession(error.message);
  }
});

// Short interruptions are not shown.
let bannerTimer = null;
stream?.addEventListener("connection", () => {
  clearTimeout(bannerTimer);
  if (stream.up) return hideBanner();
  const message = "Offline. Reconnecting; this page may be out of date.";
  bannerTimer = setTimeout(() => showBanner(message), 5000);
});

function endSession(reason) {
  stream.end();
  clearTimeout(bannerTimer);
  // The visitor of a share link may no longer see what it showed.
  if (root?.dataset.guest !== undefined) {
    root.replaceChildren(Object.assign(document.createElement("p"), { className: "ended", textContent: reason }));
  }
  showBanner(reason, "Reload");
}

function showBanner(text, reloadLabel) {
  const banner = document.querySelector(".offline") ?? document.createElement("div");
  banner.className = "offline";
  banner.textContent = text;
  if (reloadLabel) {
    banner.append(" ", Object.assign(document.createElement("a"), { href: location.href, textContent: reloadLabel }));
  }
  // A modal dialog makes everything outside inert.
  ([...document.querySelectorAll("dialog:modal")].at(-1) ?? document.body).append(banner);
  announce(text);
}

function hideBanner() {
  const banner = document.querySelector(".offline");
  if (!banner) return;
  banner.remove();
  announce("Reconnected.");
}
