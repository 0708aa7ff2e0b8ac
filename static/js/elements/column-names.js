// On a phone the board shows one column at a time: their names stand along the top, the shown one
// marked. Styles hide this where all columns fit.

import { theBoard } from "../board/cards.js";

const board = theBoard();
let shown = -1;
let drawn = "";
// lanes open where their first card is: on a phone one column is all there is to see
if (board?.querySelector(":scope > .lane") && matchMedia("(width < 48rem)").matches) {
  const left = (column) => column.getBoundingClientRect().left;
  const first = [...board.querySelectorAll(".column:has([data-task])")].sort((one, other) => left(one) - left(other))[0];
  if (first) board.scrollLeft += left(first) - left(board.querySelector(".column"));
}
if (board && board.querySelector(":scope > .column")) {
  const names = document.createElement("nav");
  names.className = "names";
  names.setAttribute("aria-label", "Columns");
  board.before(names);
  draw();
  board.addEventListener("board:changed", draw);
  board.addEventListener("scroll", mark, { passive: true });
  addEventListener("resize", mark);
  names.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault();
    const smooth = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    columns()[[...names.children].indexOf(link)]?.scrollIntoView({ behavior: smooth ? "smooth" : "instant", inline: "start", block: "nearest" });
  });

  function columns() { return [...board.querySelectorAll(":scope > .column")]; }

  function draw() {
    // most changes leave every figure as it is
    const now = columns().map((column) => column.dataset.name + column.querySelector("[data-count]")?.textContent).join();
    if (now === drawn) return;
    drawn = now;
    names.replaceChildren(...columns().map((column) => {
      const link = document.createElement("a");
      link.href = "#board";
      link.className = column.className.match(/state-\w+/)?.[0] ?? "";
      const count = document.createElement("small");
      const figure = column.querySelector("[data-count]");
      count.textContent = figure?.textContent.replaceAll(" ", "") ?? "";
      count.classList.toggle("over", figure?.classList.contains("over") ?? false);
      link.append(`${column.dataset.name} `, count);
      return link;
    }));
    shown = -1;
    mark();
  }

  function mark() {
    const at = Math.round(Math.abs(board.scrollLeft) / (board.clientWidth || 1));
    if (at === shown) return;
    shown = at;
    [...names.children].forEach((link, index) => {
      if (index === at) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    });
    // not scrollIntoView: that would move the board as well
    const link = names.children[at];
    if (link) names.scrollTo({ left: link.offsetLeft - (names.clientWidth - link.offsetWidth) / 2 });
  }
}
