// A picture of a card above everything else: what is in the hand, or on its way.

const still = matchMedia("(prefers-reduced-motion: reduce)");

export function makeGhost(card, { left, top, width }) {
  const ghost = document.createElement("ol");
  ghost.className = "ghost";
  ghost.inert = true;
  ghost.setAttribute("aria-hidden", "true");
  const copy = card.cloneNode(true);
  copy.removeAttribute("id");
  copy.removeAttribute("data-task");
  copy.classList.remove("drop-target", "selected");
  copy.hidden = false;
  ghost.append(copy);
  ghost.style.width = `${width}px`;
  document.body.append(ghost);
  moveGhost(ghost, left, top);
  return ghost;
}

export function moveGhost(ghost, left, top) {
  ghost.style.transform = `translate(${left}px, ${top}px)`;
}

/** From where it was to where it stands; the columns clip, so the picture flies and not the card. */
export function fly(card, from, time = 120, ghost = null) {
  if (still.matches || !card.isConnected) { ghost?.remove(); return; }
  const to = card.getBoundingClientRect();
  const away = to.bottom < 0 || to.top > innerHeight || to.right < 0 || to.left > innerWidth;
  if (away || !from.width) { ghost?.remove(); return; }
  ghost ??= makeGhost(card, from);
  ghost.firstElementChild.classList.remove("lifted");
  card.classList.add("drop-target");
  const flight = ghost.animate(
    [{ transform: `translate(${from.left}px, ${from.top}px)` }, { transform: `translate(${to.left}px, ${to.top}px)` }],
    { duration: time, easing: "cubic-bezier(0.2, 0.7, 0.2, 1)", fill: "forwards" },
  );
  const arrive = () => { ghost.remove(); card.classList.remove("drop-target"); };
  flight.finished.then(arrive, arrive);
}

/** Cards that make room slide there instead of jumping; by a known distance, so nothing is measured. */
export function slide(cards, by) {
  if (still.matches) return;
  for (const card of cards) {
    card.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], { duration: 120, easing: "cubic-bezier(0.2, 0.7, 0.2, 1)" });
  }
}
