// Where a card in the hand would land: the column under it, and the card it would stand before.

import { cardsIn } from "./cards.js";

export class Landing {
  constructor(board, card) {
    this.card = card;
    // with lanes a card stays in its own: changing owner or goal is not what a drag means
    const room = card.closest(".lane") ?? board;
    this.columns = [...room.querySelectorAll(".column")];
    this.cards = new Map();
  }

  /** `x`, `y`: the middle of what is in the hand. All reading, no writing: one layout a frame. */
  find(x, y) {
    const column = this.columnAt(x);
    const list = column.querySelector(":scope > ol");
    return { column, list, before: this.cardBelow(list, y) };
  }

  columnAt(x) {
    let nearest = null, distance = Infinity;
    for (const column of this.columns) {
      const { left, right } = column.getBoundingClientRect();
      const away = x < left ? left - x : x > right ? x - right : 0;
      if (away < distance) [nearest, distance] = [column, away];
    }
    return nearest;
  }

  /** Halving: ten measurements among a thousand cards. */
  cardBelow(list, y) {
    const cards = this.cardsOf(list);
    let low = 0, high = cards.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const { top, height } = cards[middle].getBoundingClientRect();
      if (top + height / 2 < y) low = middle + 1; else high = middle;
    }
    return cards[low] ?? null;
  }

  cardsOf(list) {
    let cards = this.cards.get(list);
    if (!cards) this.cards.set(list, cards = cardsIn(list).filter((card) => card !== this.card));
    return cards;
  }

  /** The cards that make room when the place moves from before `was` to before `is`. */
  between(list, was, is) {
    const cards = this.cardsOf(list);
    const at = (card) => (card ? cards.indexOf(card) : cards.length);
    const [from, to] = [at(was), at(is)];
    return from < to ? { cards: cards.slice(from, to), down: false } : { cards: cards.slice(to, from), down: true };
  }
}

// Near an edge, what lies behind it comes closer: columns and page up and down, the board sideways.
const ZONE = 56;
const FASTEST = 1.1; // pixels a millisecond

const scrolls = (element) =>
  element.scrollHeight > element.clientHeight && /auto|scroll/.test(getComputedStyle(element).overflowY);

/** True while there is something to scroll: the caller keeps its frames coming. */
export function scrollAtEdges(board, list, x, y, elapsed) {
  const upright = [list, board].find(scrolls) ?? document.scrollingElement;
  const page = upright === document.scrollingElement;
  const tall = page ? { top: 0, bottom: innerHeight } : upright.getBoundingClientRect();
  const wide = board.getBoundingClientRect();
  const down = speed(y, Math.max(tall.top, 0), Math.min(tall.bottom, innerHeight)) * elapsed;
  const across = speed(x, Math.max(wide.left, 0), Math.min(wide.right, innerWidth)) * elapsed;
  const before = [upright.scrollTop, board.scrollLeft];
  if (down) upright.scrollTop += down;
  if (across) board.scrollLeft += across;
  return before[0] !== upright.scrollTop || before[1] !== board.scrollLeft;
}

function speed(at, start, end) {
  const zone = Math.min(ZONE, (end - start) / 5);
  const into = at < start + zone ? at - (start + zone) : at > end - zone ? at - (end - zone) : 0;
  return Math.sign(into) * Math.min(1, (into / zone) ** 2) * FASTEST;
}
