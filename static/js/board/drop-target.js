// Finds where a dragged card would be dropped, and scrolls when the pointer is near an edge.

import { cardsIn, moreOf } from "./cards.js";

/** The possible places for one dragged card. */
export class DropTarget {
  /** @param {HTMLElement} board @param {HTMLElement} card */
  constructor(board, card) {
    this.card = card;
    // A card stays in its lane: a drag never changes the owner or the goal.
    const container = card.closest(".lane") ?? board;
    this.columns = [...container.querySelectorAll(".column")];
    this.cardsByList = new Map();
  }

  /**
   * Returns the place under the middle of the dragged card. Only reads the layout, so that a frame computes it once.
   * @param {number} x
   * @param {number} y
   * @returns {{ column: HTMLElement, list: HTMLElement, before: HTMLElement | null }}
   */
  find(x, y) {
    const column = this.columnAt(x);
    const list = column.querySelector(":scope > ol");
    return { column, list, before: this.cardBelow(list, y) };
  }

  columnAt(x) {
    let nearest = null;
    let distance = Infinity;
    for (const column of this.columns) {
      const { left, right } = column.getBoundingClientRect();
      const away = x < left ? left - x : x > right ? x - right : 0;
      if (away < distance) [nearest, distance] = [column, away];
    }
    return nearest;
  }

  /** Binary search: ten measurements for a thousand cards. */
  cardBelow(list, y) {
    const cards = this.cardsOf(list);
    let low = 0;
    let high = cards.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const { top, height } = cards[middle].getBoundingClientRect();
      if (top + height / 2 < y) low = middle + 1;
      else high = middle;
    }
    return cards[low] ?? null;
  }

  cardsOf(list) {
    const known = this.cardsByList.get(list);
    // A long list grows while it is scrolled.
    const last = moreOf(list)?.dataset.after;
    if (known && known.last === last) return known.cards;
    const cards = cardsIn(list).filter((card) => card !== this.card);
    this.cardsByList.set(list, { cards, last });
    return cards;
  }

  /**
   * Returns the cards that make room when the place moves from before `oldBefore` to before `newBefore`.
   * @param {HTMLElement} list
   * @param {HTMLElement | null} oldBefore
   * @param {HTMLElement | null} newBefore
   * @returns {{ cards: HTMLElement[], down: boolean }}
   */
  displacedCards(list, oldBefore, newBefore) {
    const cards = this.cardsOf(list);
    const indexOf = (card) => (card ? cards.indexOf(card) : cards.length);
    const [from, to] = [indexOf(oldBefore), indexOf(newBefore)];
    return from < to ? { cards: cards.slice(from, to), down: false } : { cards: cards.slice(to, from), down: true };
  }
}

const EDGE_ZONE = 56; // pixels
const MAX_SPEED = 1.1; // pixels per millisecond

const isScrollable = (element) =>
  element.scrollHeight > element.clientHeight && /auto|scroll/.test(getComputedStyle(element).overflowY);

/**
 * Scrolls the column or the page vertically and the board horizontally while the pointer is near an edge.
 * @param {HTMLElement} board
 * @param {HTMLElement} list
 * @param {number} x
 * @param {number} y
 * @param {{ time: number }} drag when it last scrolled
 * @param {number} now the time of this frame
 * @returns {boolean} whether there is more to scroll to, so that the caller requests another frame
 */
export function autoScroll(board, list, x, y, drag, now) {
  // The first frame's time may be earlier than the press that it shows.
  const elapsed = Math.min(Math.max(now - drag.time, 0), 100);
  const scroller = [list, board].find(isScrollable) ?? document.scrollingElement;
  const isPage = scroller === document.scrollingElement;
  const vertical = isPage ? { top: 0, bottom: innerHeight } : scroller.getBoundingClientRect();
  const horizontal = board.getBoundingClientRect();
  const down = scrollSpeed(y, Math.max(vertical.top, 0), Math.min(vertical.bottom, innerHeight));
  const across = scrollSpeed(x, Math.max(horizontal.left, 0), Math.min(horizontal.right, innerWidth));
  const before = [scroller.scrollTop, board.scrollLeft];
  if (down) scroller.scrollTop += down * elapsed;
  if (across) board.scrollLeft += across * elapsed;
  const more = canScroll(down, scroller.scrollTop, scroller.scrollHeight - scroller.clientHeight)
    || canScroll(across, board.scrollLeft, board.scrollWidth - board.clientWidth);
  // A step of less than a pixel moves nothing: the next one is longer.
  if (!more || before[0] !== scroller.scrollTop || before[1] !== board.scrollLeft) drag.time = now;
  return more;
}

function canScroll(speed, position, end) {
  return speed < 0 ? position > 0 : speed > 0 && position < end - 1;
}

function scrollSpeed(position, start, end) {
  const zone = Math.min(EDGE_ZONE, (end - start) / 5);
  const depth = position < start + zone ? position - (start + zone)
    : position > end - zone ? position - (end - zone)
    : 0;
  return Math.sign(depth) * Math.min(1, (depth / zone) ** 2) * MAX_SPEED;
}
