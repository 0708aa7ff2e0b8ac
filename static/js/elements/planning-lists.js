// <planning-lists>: drags tasks between the backlog and a sprint's goals. Dropping a row submits the button of the
// group under it, so that everything also works with checkboxes and buttons.

import { createDragPreview, moveDragPreview } from "../board/drag-preview.js";
import { autoScroll } from "../board/drop-target.js";
import { announce } from "../shared/toasts.js";

// As on the board: a mouse starts a drag after a few pixels, a finger after a long press. A finger that moves at once
// scrolls.
const DRAG_THRESHOLD = 6; // pixels
const LONG_PRESS = 300; // milliseconds
const TOUCH_SLOP = 8; // pixels

class PlanningLists extends HTMLElement {
  #drag = null;
  #frame = 0;

  connectedCallback() {
    this.addEventListener("pointerdown", (event) => this.#press(event));
    this.addEventListener("dragstart", (event) => event.preventDefault());
    // A long press would open the context menu.
    this.addEventListener("contextmenu", (event) => {
      if (this.#drag?.touch) event.preventDefault();
    });
    // Registered before the touch starts: later the browser would already have decided to scroll.
    this.addEventListener("touchmove", (event) => {
      if (this.#drag?.started && event.cancelable) event.preventDefault();
    }, { passive: false });
    this.addEventListener("keydown", (event) => this.#handleKey(event));
  }

  #press(event) {
    const row = event.target.closest(".backlog-item");
    if (!row || this.#drag || !event.isPrimary || event.button) return;
    if (event.target.closest("label") || !this.querySelector("button[name=to]")) return;
    const touch = event.pointerType === "touch";
    const listeners = new AbortController();
    const { pointerId: id, clientX: x, clientY: y } = event;
    this.#drag = { row, touch, listeners, id, startX: x, startY: y, x, y };
    if (touch) this.#drag.longPress = setTimeout(() => this.#start(), LONG_PRESS);
    const { signal } = listeners;
    addEventListener("pointermove", (moved) => this.#handlePointerMove(moved), { signal });
    addEventListener("pointerup", (up) => {
      if (up.pointerId === this.#drag?.id) this.#drop();
    }, { signal });
    addEventListener("pointercancel", (cancelled) => {
      if (cancelled.pointerId === this.#drag?.id) this.#reset();
    }, { signal });
    addEventListener("blur", () => this.#reset(), { signal });
    addEventListener("keydown", ({ key }) => {
      if (key === "Escape" && this.#drag?.started) this.#reset();
    }, { signal });
  }

  #handlePointerMove(event) {
    const drag = this.#drag;
    if (event.pointerId !== drag?.id) return;
    drag.x = event.clientX;
    drag.y = event.clientY;
    if (!drag.started) {
      const distance = Math.hypot(drag.x - drag.startX, drag.y - drag.startY);
      if (drag.touch) {
        if (distance > TOUCH_SLOP) this.#reset();
        return;
      }
      if (distance < DRAG_THRESHOLD) return;
      this.#start();
    }
    this.#requestFrame();
  }

  #start() {
    const drag = this.#drag;
    if (!drag.row.isConnected) return this.#reset();
    drag.started = true;
    drag.time = performance.now();
    const rect = drag.row.getBoundingClientRect();
    drag.row.classList.add("lifted");
    // The page may scroll far away from the row, so a preview follows the pointer.
    drag.preview = createDragPreview(drag.row, rect);
    drag.offsetX = drag.startX - rect.left;
    drag.offsetY = drag.startY - rect.top;
    try {
      this.setPointerCapture(drag.id);
    } catch { /* the pointer is up again */ }
    if (drag.touch) navigator.vibrate?.(8);
    getSelection()?.removeAllRanges();
    announce(`${drag.row.dataset.key} picked up.`);
    this.#requestFrame();
  }

  /** Moves the preview, marks the group under the pointer and scrolls near an edge. */
  #update(now) {
    const drag = this.#drag;
    if (!drag?.started) return;
    const more = autoScroll(this, this, drag.x, drag.y, drag, now);
    moveDragPreview(drag.preview, drag.x - drag.offsetX, drag.y - drag.offsetY);
    const group = this.#groupUnderPointer();
    this.querySelectorAll(".drag-over").forEach((other) => other.classList.toggle("drag-over", other === group));
    group?.classList.add("drag-over");
    if (more) this.#requestFrame();
  }

  #groupUnderPointer() {
    return document.elementFromPoint(this.#drag.x, this.#drag.y)?.closest("[data-drop-target]");
  }

  #drop() {
    const { row, started } = this.#drag;
    if (!started) return this.#reset();
    const group = this.#groupUnderPointer();
    this.#reset();
    // The drag started on a link: swallow its click.
    const swallow = (event) => {
      event.preventDefault();
      event.stopPropagation();
    };
    addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", swallow, { capture: true }));
    if (!group || group === row.closest("[data-drop-target]")) {
      return announce(`${row.dataset.key} was not moved.`);
    }
    const form = this.querySelector("form");
    form.elements.dragged.value = row.dataset.key;
    form.requestSubmit(group.querySelector("button[name=to]"));
    form.elements.dragged.value = "";
    announce(`${row.dataset.key} dropped in ${group.querySelector("h2, h3").textContent}.`);
  }

  #reset() {
    clearTimeout(this.#drag?.longPress);
    this.#drag?.listeners.abort();
    this.#drag?.row.classList.remove("lifted");
    this.#drag?.preview?.remove();
    this.querySelectorAll(".drag-over").forEach((group) => group.classList.remove("drag-over"));
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#drag = null;
  }

  #requestFrame() {
    this.#frame ||= requestAnimationFrame((now) => {
      this.#frame = 0;
      this.#update(now);
    });
  }

  /** Arrows, j and k move between the rows; x toggles the checkbox, as Space does. */
  #handleKey(event) {
    const row = event.target.closest(".backlog-item");
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "x") return event.target.matches("input") && event.target.click();
    if (!step) return;
    const checkboxes = [...this.querySelectorAll(".backlog-item input")];
    const next = checkboxes[checkboxes.indexOf(row.querySelector("input")) + step];
    if (!next) return;
    next.focus();
    event.preventDefault();
  }
}

customElements.define("planning-lists", PlanningLists);
