// The board under the hand: press, lift, carry, drop. Mouse and pen lift after a few pixels, a
// finger after resting: one that moves at once is scrolling, and scrolling never drags.

import { announce } from "../shared/toasts.js";
import { hold, keepFocus, release, changed } from "../board/cards.js";
import { makeGhost, moveGhost, fly, slide } from "../board/flight.js";
import { Landing, scrollAtEdges } from "../board/landing.js";
import { sendMove } from "../board/move.js";

const LIFTS_AFTER = 4;
const FINGER_RESTS = 300;
const FINGER_TREMBLES = 8;

class SortableBoard extends HTMLElement {
  #pressed = null;
  #hand = null;
  #frame = 0;

  connectedCallback() {
    this.addEventListener("pointerdown", (event) => this.press(event));
    // links and pictures would start the browser's own drag
    this.addEventListener("dragstart", (event) => event.preventDefault());
    // a long press asks for a menu; the hand has the card by then
    this.addEventListener("contextmenu", (event) => { if (this.#pressed?.touch) event.preventDefault(); });
    // must stand here before the finger comes down, or the browser takes the scroll for its own
    this.addEventListener("touchmove", (event) => { if (this.#hand && event.cancelable) event.preventDefault(); }, { passive: false });
  }

  press(event) {
    if (!("editable" in this.dataset) || this.#pressed || !event.isPrimary || event.button) return;
    if (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    const card = event.target.closest("[data-task]");
    if (!card || event.target.closest(".menu, button, input, textarea, select")) return;
    const touch = event.pointerType === "touch";
    const watch = new AbortController();
    this.#pressed = { card, touch, watch, id: event.pointerId, startX: event.clientX, startY: event.clientY, x: event.clientX, y: event.clientY };
    if (touch) this.#pressed.rest = setTimeout(() => this.lift(), FINGER_RESTS);
    const { signal } = watch;
    addEventListener("pointermove", (moved) => this.follow(moved), { signal });
    addEventListener("pointerup", (up) => { if (up.pointerId === this.#pressed?.id) this.drop(); }, { signal });
    addEventListener("pointercancel", (lost) => { if (lost.pointerId === this.#pressed?.id) this.cancel(); }, { signal });
    addEventListener("wheel", () => { if (this.#hand) this.#nextFrame(); }, { signal, passive: true });
    addEventListener("blur", () => this.cancel(), { signal });
    addEventListener("keydown", (key) => {
      if (!this.#hand) return;
      // while a card is in the hand no other shortcut may act
      key.stopImmediatePropagation();
      if (key.key === "Escape") { key.preventDefault(); this.cancel(); }
    }, { signal, capture: true });
  }

  follow(event) {
    const pressed = this.#pressed;
    if (event.pointerId !== pressed?.id) return;
    pressed.x = event.clientX;
    pressed.y = event.clientY;
    if (!this.#hand) {
      const far = Math.hypot(pressed.x - pressed.startX, pressed.y - pressed.startY);
      if (pressed.touch) { if (far > FINGER_TREMBLES) this.#end(); return; }
      if (far < LIFTS_AFTER) return;
      this.lift();
    }
    this.#nextFrame();
  }

  lift() {
    const { card, id, startX, startY, touch } = this.#pressed;
    if (!card.isConnected) return this.#end();
    hold();
    const rect = card.getBoundingClientRect();
    const gap = parseFloat(getComputedStyle(card.parentElement).rowGap) || 0;
    const ghost = makeGhost(card, rect);
    ghost.firstElementChild.classList.add("lifted");
    const drop = document.createElement("li");
    drop.className = "drop";
    drop.setAttribute("aria-hidden", "true");
    drop.style.height = `${rect.height}px`;
    this.#hand = {
      card, ghost, drop, landing: new Landing(this, card), from: card.parentElement,
      gripX: startX - rect.left, gripY: startY - rect.top, width: rect.width, height: rect.height,
      step: rect.height + gap, at: { list: card.parentElement, before: neighbour(card, 1) }, time: performance.now(),
    };
    card.before(drop);
    card.hidden = true;
    this.classList.add("dragging");
    try { this.setPointerCapture(id); } catch { /* already up again */ }
    if (touch) navigator.vibrate?.(8);
    getSelection()?.removeAllRanges();
    announce(`${card.dataset.task} picked up.`);
    this.#nextFrame();
  }

  carry(now) {
    const hand = this.#hand;
    if (!hand) return;
    const { x, y } = this.#pressed;
    const left = x - hand.gripX, top = y - hand.gripY;
    const { column, list, before } = hand.landing.find(x, top + hand.height / 2);
    const scrolled = scrollAtEdges(this, list, x, y, Math.min(now - hand.time, 32));
    hand.time = now;
    moveGhost(hand.ghost, left, top);
    if (list !== hand.at.list || before !== hand.at.before) {
      const making = list === hand.at.list && hand.landing.between(list, hand.at.before, before);
      list.insertBefore(hand.drop, before ?? list.querySelector(":scope > .new"));
      // a long way at once is a scroll, not a step: nobody could follow the cards there
      if (making && making.cards.length < 8) slide(making.cards, making.down ? -hand.step : hand.step);
      hand.at = { list, before };
      this.querySelector(".column.over")?.classList.remove("over");
      column.classList.add("over");
    }
    if (scrolled) this.#nextFrame();
  }

  drop() {
    const hand = this.#hand;
    if (!hand) return this.#end();
    const { card, drop, from } = hand;
    if (this.#frame) this.carry(performance.now()); // the last movement counts too
    const stays = drop.parentElement === from && neighbour(drop, -1, card) === neighbour(card, -1, drop);
    keepFocus(card, () => drop.replaceWith(card));
    this.#putDown(stays ? "put back" : `dropped in ${card.closest(".column").dataset.name}`);
    if (!stays) sendMove(card, from);
    release(); // after it is said where: what waited may move or take the card
  }

  cancel() {
    if (!this.#hand) return this.#end();
    this.#hand.drop.remove();
    this.#putDown("returned");
    release();
  }

  #putDown(how) {
    const { card, ghost } = this.#hand;
    const rect = { left: this.#pressed.x - this.#hand.gripX, top: this.#pressed.y - this.#hand.gripY, width: this.#hand.width };
    card.hidden = false;
    fly(card, rect, 140, ghost);
    announce(`${card.dataset.task} ${how}.`);
    // the button went down on a link: its click is part of the drag
    const swallow = (event) => { event.preventDefault(); event.stopPropagation(); };
    addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", swallow, { capture: true }));
    this.classList.remove("dragging");
    this.querySelector(".column.over")?.classList.remove("over");
    changed(this);
    this.#end();
  }

  #end() {
    clearTimeout(this.#pressed?.rest);
    this.#pressed?.watch.abort();
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#pressed = this.#hand = null;
  }

  #nextFrame() {
    this.#frame ||= requestAnimationFrame((now) => { this.#frame = 0; this.carry(now); });
  }
}

/** The nearest card before, stepping over `skip` (the card and its drop stand for the same place). */
function neighbour(item, step, skip) {
  let other = item;
  do other = step < 0 ? other.previousElementSibling : other.nextElementSibling;
  while (other && (other === skip || !other.dataset.task));
  return other;
}

customElements.define("sortable-board", SortableBoard);
