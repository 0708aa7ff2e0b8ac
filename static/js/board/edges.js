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
