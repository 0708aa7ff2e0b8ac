// Tabs with the column names above the board, for phones, which show one column at a time. CSS hides them where all
// columns fit.

import { pageBoard } from "./cards.js";

let currentIndex = -1;
let renderedState = "";
// With lanes, a phone starts at the first column that has cards: the first column may be empty.
if (pageBoard?.querySelector(":scope > .lane") && matchMedia("(width < 48rem)").matches) {
  const left = (column) => column.getBoundingClientRect().left;
  const [first] = [...board.querySelectorAll(".column:has([data-task])")]
    .sort((one, other) => left(one) - left(other));
  if (first) pageBoard.scrollLeft += left(first) - left(pageBoard.querySelector(".column"));
}
if (pageBoard && pageBoard.querySelector(":scope > .column")) {
  const tabs = document.createElement("nav");
  tabs.className = "names";
  tabs.setAttribute("aria-label", "Columns");
  pageBoard.before(tabs);
  render();
  pageBoard.addEventListener("board:changed", render);
  pageBoard.addEventListener("scroll", markCurrent, { passive: true });
  addEventListener("resize", markCurrent);
  // The browser leaves a tab that has the focus half out of sight.
  tabs.addEventListener("focusin", ({ target }) => target.scrollIntoView({ inline: "nearest", block: "nearest" }));
  tabs.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault();
    const smooth = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    columns()[[...tabs.children].indexOf(link)]
      ?.scrollIntoView({ behavior: smooth ? "smooth" : "instant", inline: "start", block: "nearest" });
  });

  function columns() {
    return [...board.querySelectorAll(":scope > .column")];
  }

  function render() {
    // Without a card in it, the board itself takes the focus, so that it can be scrolled by keyboard.
    if (pageBoard.querySelector("[data-task]")) pageBoard.removeAttribute("tabindex");
    else pageBoard.tabIndex = 0;
    // Most changes leave every count as it is.
    const state = columns()
      .map((column) => column.dataset.name + column.querySelector("[data-count]")?.textContent)
      .join();
    if (state === renderedState) return;
    renderedState = state;
    tabs.replaceChildren(...columns().map((column) => {
      const link = document.createElement("a");
      link.href = "#board";
      link.className = column.className.match(/state-\w+/)?.[0] ?? "";
      const count = document.createElement("small");
      const counter = column.querySelector("[data-count]");
      count.textContent = counter?.textContent.replace(" / ", "/") ?? "";
      count.classList.toggle("over-limit", counter?.classList.contains("over-limit") ?? false);
      link.append(`${column.dataset.name} `, count);
      return link;
    }));
    currentIndex = -1;
    // Not at once, since it measures the board.
    requestAnimationFrame(markCurrent);
  }

  function markCurrent() {
    const index = Math.round(Math.abs(pageBoard.scrollLeft) / (pageBoard.clientWidth || 1));
    if (index === currentIndex) return;
    currentIndex = index;
    [...tabs.children].forEach((link, position) => {
      if (position === index) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
    // Not scrollIntoView, which would scroll the board as well.
    const link = tabs.children[index];
    if (link) tabs.scrollTo({ left: link.offsetLeft - (tabs.clientWidth - link.offsetWidth) / 2 });
  }
}
