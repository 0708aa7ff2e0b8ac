// What others do, as they do it. An element with data-live names the stream; data-seq is the number
// of the last change that the page already shows. Where the element has data-fresh, it is asked for
// again as a whole. A page may show several teams: data-live names their streams with blanks between.

import { announce } from "../shared/toasts.js";
import { ask, ownChanges, ownWritesAnswered, Refused } from "../shared/ask.js";
import { Line } from "../shared/line.js";
import { morphRegion, pick, openTask, refreshTask } from "../shared/morph.js";
import { cardOf, inLanes, readCards, removeCard, showCard, theBoard, whenFree } from "../board/cards.js";
import { askAgain, askLater, boardHasCome, resetBoard } from "../board/truth.js";

const place = document.querySelector("[data-live]");
const lines = (place?.dataset.live.split(" ") ?? []).map((url, nth) => new Line(url, Number(place.dataset.seq.split(" ")[nth]) || 0));
// who is here, and whether the line is up, is told by the first: all of them are one server's
const [line] = lines;

if (place?.dataset.fresh !== undefined) {
  let soon = null;
  for (const one of lines) {
    for (const type of ["card", "goal", "reset"]) {
      one.addEventListener(type, () => { clearTimeout(soon); soon = setTimeout(refreshPage, 150); });
    }
  }
}

async function refreshPage() {
  await ownWritesAnswered();
  let answer;
  try { answer = await ask(location.href, { part: "page" }); } catch { return; /* the next change asks again */ }
  const fresh = pick(answer.html, "[data-fresh]");
  if (fresh) morphRegion(place, fresh);
}

for (const one of lines) {
  one.addEventListener("card", async ({ data }) => {
    const event = JSON.parse(data);
    // an answer of ours may be under way with this very change
    await ownWritesAnswered();
    if (event.key === openTask()?.dataset.taskPage) refreshTask(event.key);
    const board = theBoard();
    if (!board) return;
    // which lane it belongs to now, only the server knows
    if (inLanes(board)) return resetBoard().catch(askLater);
    await boardHasCome();
    whenFree(() => applyCard(event));
  });

  one.addEventListener("reset", () => {
    if (theBoard()) resetBoard().catch(askLater);
    if (openTask()) refreshTask(openTask().dataset.taskPage);
  });
}

function applyCard(event) {
  const board = theBoard();
  const hue = ownChanges.has(event.change) ? null : event.hue ?? null;
  const fresh = event.html && readCards(event.html)[0];
  // old news: an answer to us was quicker than the stream
  if (fresh && Number(cardOf(event.key)?.dataset.version) >= Number(fresh.dataset.version)) return;
  if (!fresh) return removeCard(event.key);
  const filter = board.dataset.sprint;
  if (filter === undefined) return askAgain([event.key], hue);
  const belongs = filter === "all" || String(event.sprint ?? "none") === filter;
  if (belongs) showCard(fresh, event.column, { hue }); else removeCard(event.key);
}

line?.addEventListener("goal", ({ data }) => {
  const { id, html } = JSON.parse(data);
  const fresh = pick(html, `#goal-${CSS.escape(id)}`);
  const shown = document.getElementById(`goal-${id}`);
  if (fresh && shown) shown.replaceWith(fresh);
});

line?.addEventListener("presence", ({ data }) => {
  const here = document.querySelector("[data-presence]");
  if (!here) return;
  here.innerHTML = JSON.parse(data).html;
  // the reader knows that they are here: the others are the news
  const own = here.querySelector(`[data-who="${CSS.escape(document.querySelector("#board")?.dataset.me ?? "")}"]`);
  own?.remove();
  here.querySelector(".avatar:nth-of-type(7)")?.remove();
  const figure = here.querySelector("[data-count]");
  const others = figure.dataset.count - (own ? 1 : 0);
  figure.textContent = others ? `${others} ${others === 1 ? "other" : "others"} here now` : "Only you here now";
});

line?.addEventListener("bye", ({ data }) => {
  let why = "";
  try { why = JSON.parse(data).why; } catch { /* then in our words */ }
  farewell(why || "You are signed out, or may no longer see this board.");
});

// The stream was refused rather than cut: ask as a reader would, to learn whether we still may.
line?.addEventListener("refused", async () => {
  try {
    if (theBoard()) await resetBoard();
    else await ask(location.href, { part: "page" });
  } catch (error) {
    if (error instanceof Refused && [401, 403, 404].includes(error.problem.status)) farewell(error.message);
  }
});

// A short break is nobody's business.
let patience = null;
line?.addEventListener("line", () => {
  clearTimeout(patience);
  if (line.up) return quiet();
  patience = setTimeout(() => tell("Not connected. Changes by others will show when the line is back."), 5000);
});

function farewell(why) {
  line.end();
  clearTimeout(patience);
  // what a link showed is no longer the guest's to see
  if (place.dataset.guest !== undefined) {
    place.replaceChildren(Object.assign(document.createElement("p"), { className: "ended", textContent: why }));
  }
  tell(why, "Reload");
}

function tell(text, reload) {
  const bar = document.querySelector(".offline") ?? document.createElement("div");
  bar.className = "offline";
  bar.textContent = text;
  if (reload) bar.append(" ", Object.assign(document.createElement("a"), { href: location.href, textContent: reload }));
  document.body.append(bar);
  announce(text);
}

function quiet() {
  const bar = document.querySelector(".offline");
  if (!bar) return;
  bar.remove();
  announce("Connected again.");
}
