// <sortable-board>: moves cards by pointer. A mouse or pen starts a drag after a few pixels, a finger after a long
// press. A finger that moves at once scrolls, and scrolling never drags.

import { announce } from "../shared/toasts.js";
import { endOf, notifyBoardChanged, preserveFocus } from "../board/cards.js";
import { lockBoard, unlockBoard } from "../board/drag-lock.js";
import { animateCardFrom, createDragPreview, moveDragPreview, slideCards } from "../board/drag-preview.js";
import { autoScroll, DropTarget } from "../board/drop-target.js";
import { sendMove } from "../board/move.js";

const DRAG_THRESHOLD = 4; // pixels
const LONG_PRESS = 300; // milliseconds
const TOUCH_SLOP = 8; // pixels

class SortableBoard extends HTMLElement {
  #pointer = null;
  #drag = null;
  #frame = 0;

  connectedCallback() {
    this.addEventListener("pointerdown", (event) => this.press(event));
    // Links and images would start the browser's own drag and drop.
    this.addEventListener("dragstart", (event) => event.preventDefault());
    // A long press would open the context menu.
    this.addEventListener("contextmenu", (event) => {
      if (this.#pointer?.touch) event.preventDefault();
    });
    // Registered before the touch starts: later the browser would already have decided to scroll.
    this.addEventListener("touchmove", (event) => {
      if (this.#drag && event.cancelable) event.preventDefault();
    }, { passive: false });
  }

  press(event) {
    if (!("editable" in this.dataset) || this.#pointer || !event.isPrimary || event.button) return;
    if (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    const card = event.target.closest("[data-task]");
    if (!card || event.target.closest(".menu, button, input, textarea, select")) return;
    const touch = event.pointerType === "touch";
    const listeners = new AbortController();
    const { pointerId: id, clientX: x, clientY: y } = event;
    this.#pointer = { card, touch, listeners, id, startX: x, startY: y, x, y };
    if (touch) this.#pointer.longPress = setTimeout(() => this.startDrag(), LONG_PRESS);
    const { signal } = listeners;
    addEventListener("pointermove", (moved) => this.follow(moved), { signal });
    addEventListener("pointerup", (up) => {
      if (up.pointerId === this.#pointer?.id) this.drop();
    }, { signal });
    addEventListener("pointercancel", (lost) => {
      if (lost.pointerId === this.#pointer?.id) this.cancel();
    }, { signal });
    addEventListener("wheel", () => {
      if (this.#drag) this.#requestFrame();
    }, { signal, passive: true });
    addEventListener("blur", () => this.cancel(), { signal });
    addEventListener("keydown", (pressed) => {
      if (!this.#drag) return;
      // No other shortcut works during a drag.
      pressed.stopImmediatePropagation();
      if (pressed.key !== "Escape") return;
      pressed.preventDefault();
      this.cancel();
    }, { signal, capture: true });
  }

  follow(event) {
    const pointer = this.#pointer;
    if (event.pointerId !== pointer?.id) return;
    pointer.x = event.clientX;
    pointer.y = event.clientY;
    if (!this.#drag) {
      const distance = Math.hypot(pointer.x - pointer.startX, pointer.y - pointer.startY);
      if (pointer.touch) {
        if (distance > TOUCH_SLOP) this.#end();
        return;
      }
      if (distance < DRAG_THRESHOLD) return;
      this.startDrag();
    }
    this.#requestFrame();
  }

  startDrag() {
    const { card, id, startX, startY, touch } = this.#pointer;
    if (!card.isConnected) return this.#end();
    lockBoard();
    const rect = card.getBoundingClientRect();
    const gap = parseFloat(getComputedStyle(card.parentElement).rowGap) || 0;
    const preview = createDragPreview(card, rect);
    preview.firstElementChild.classList.add("lifted");
    const placeholder = document.createElement("li");
    placeholder.className = "drop-placeholder";
    placeholder.setAttribute("aria-hidden", "true");
    placeholder.style.height = `${rect.height}px`;
    this.#drag = {
      card,
      preview,
      placeholder,
      dropTarget: new DropTarget(this, card),
      from: card.parentElement,
      offsetX: startX - rect.left,
      offsetY: startY - rect.top,
      width: rect.width,
      height: rect.height,
      step: rect.height + gap,
      place: { list: card.parentElement, before: neighbour(card, 1) },
      time: performance.now(),
    };
    card.before(placeholder);
    card.hidden = true;
    this.classList.add("dragging");
    try {
      this.setPointerCapture(id);
    } catch { /* the pointer is up again */ }
    if (touch) navigator.vibrate?.(8);
    getSelection()?.removeAllRanges();
    announce(`${card.dataset.task} picked up.`);
    this.#requestFrame();
  }

  /** Moves the preview and the placeholder to where the pointer is, and scrolls near an edge. */
  update(now) {
    const drag = this.#drag;
    if (!drag) return;
    const { x, y } = this.#pointer;
    const left = x - drag.offsetX;
    const top = y - drag.offsetY;
    const { column, list, before } = drag.dropTarget.find(x, top + drag.height / 2);
    const more = autoScroll(this, list, x, y, drag, now);
    moveDragPreview(drag.preview, left, top);
    if (list !== drag.place.list || before !== drag.place.before) {
      const displaced = list === drag.place.list && drag.dropTarget.displacedCards(list, drag.place.before, before);
      list.insertBefore(drag.placeholder, before ?? endOf(list));
      // Many cards at once come from scrolling, and the eye could not follow them.
      if (displaced && displaced.cards.length < 8) {
        slideCards(displaced.cards, displaced.down ? -drag.step : drag.step);
      }
      drag.place = { list, before };
      this.querySelector(".column.drag-over")?.classList.remove("drag-over");
      column.classList.add("drag-over");
    }
    if (more) this.#requestFrame();
  }

  drop() {
    const drag = this.#drag;
    if (!drag) return this.#end();
    const { card, placeholder, from } = drag;
    if (this.#frame) this.update(performance.now()); // the last pointer movement counts, too
    const unmoved = placeholder.parentElement === from
      && neighbour(placeholder, -1, card) === neighbour(card, -1, placeholder);
    preserveFocus(card, () => placeholder.replaceWith(card));
    // The toast announces the move.
    this.#finish(unmoved && `${card.dataset.task} was not moved.`);
    if (!unmoved) sendMove(card, from);
    unlockBoard(); // after the move is sent, because queued updates may move or remove the card
  }

  cancel() {
    if (!this.#drag) return this.#end();
    const { card, placeholder, from } = this.#drag;
    placeholder.remove();
    this.#finish(`Move cancelled. ${card.dataset.task} is back in ${from.closest(".column").dataset.name}.`);
    unlockBoard();
  }

  #finish(announcement) {
    const { card, preview, offsetX, offsetY, width } = this.#drag;
    const rect = { left: this.#pointer.x - offsetX, top: this.#pointer.y - offsetY, width };
    card.hidden = false;
    animateCardFrom(card, rect, 140, preview);
    if (announcement) announce(announcement);
    // The drag started on a link: swallow its click.
    const swallow = (event) => {
      event.preventDefault();
      event.stopPropagation();
    };
    addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", swallow, { capture: true }));
    this.classList.remove("dragging");
    this.querySelector(".column.drag-over")?.classList.remove("drag-over");
    notifyBoardChanged(this);
    this.#end();
  }

  #end() {
    clearTimeout(this.#pointer?.longPress);
    this.#pointer?.listeners.abort();
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#pointer = this.#drag = null;
  }

  #requestFrame() {
    this.#frame ||= requestAnimationFrame((now) => {
      this.#frame = 0;
      this.update(now);
    });
  }
}

/** The nearest card before or after, leaving out `skip`: the dragged card and its placeholder are the same place. */
function neighbour(item, step, skip) {
  let other = item;
  do other = step < 0 ? other.previousElementSibling : other.nextElementSibling;
  while (other && (other === skip || !other.dataset.task));
  return other;
}

customElements.define("sortable-board", SortableBoard);
