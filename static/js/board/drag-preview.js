// The floating copy of a card that follows the pointer or glides to a new place, and the animations around it.

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const EASING = "cubic-bezier(0.2, 0.7, 0.2, 1)";

/**
 * Creates a copy of a card above everything else.
 * @param {HTMLElement} card
 * @param {{ left: number, top: number, width: number }} rect
 * @returns {HTMLElement}
 */
export function createDragPreview(card, { left, top, width }) {
  const preview = document.createElement("ol");
  preview.className = "drag-preview";
  preview.inert = true;
  preview.setAttribute("aria-hidden", "true");
  const copy = card.cloneNode(true);
  copy.removeAttribute("id");
  copy.removeAttribute("data-task");
  copy.classList.remove("drop-target", "selected");
  copy.hidden = false;
  preview.append(copy);
  preview.style.width = `${width}px`;
  document.body.append(preview);
  moveDragPreview(preview, left, top);
  return preview;
}

/** @param {HTMLElement} preview @param {number} left @param {number} top */
export function moveDragPreview(preview, left, top) {
  preview.style.transform = `translate(${left}px, ${top}px)`;
}

/**
 * Animates a card from a former place to where it is now. A copy moves, because columns clip the card itself.
 * @param {HTMLElement} card
 * @param {{ left: number, top: number, width: number }} from
 * @param {number} [duration] in milliseconds
 * @param {HTMLElement | null} [preview] the preview of a drag that ends, to be used as the copy
 */
export function animateCardFrom(card, from, duration = 120, preview = null) {
  if (reducedMotion.matches || !card.isConnected) {
    preview?.remove();
    return;
  }
  const to = card.getBoundingClientRect();
  const offScreen = to.bottom < 0 || to.top > innerHeight || to.right < 0 || to.left > innerWidth;
  if (offScreen || !from.width) {
    preview?.remove();
    return;
  }
  preview ??= createDragPreview(card, from);
  preview.firstElementChild.classList.remove("lifted");
  card.classList.add("drop-target");
  const animation = preview.animate(
    [{ transform: `translate(${from.left}px, ${from.top}px)` }, { transform: `translate(${to.left}px, ${to.top}px)` }],
    { duration, easing: EASING, fill: "forwards" },
  );
  const finish = () => {
    preview.remove();
    card.classList.remove("drop-target");
  };
  animation.finished.then(finish, finish);
}

/**
 * Slides cards that make room. The distance is known, so nothing has to be measured.
 * @param {HTMLElement[]} cards
 * @param {number} distance in pixels
 */
export function slideCards(cards, distance) {
  if (reducedMotion.matches) return;
  for (const card of cards) {
    const keyframes = [{ transform: `translateY(${distance}px)` }, { transform: "none" }];
    card.animate(keyframes, { duration: 120, easing: EASING });
  }
}
