// Rows between the backlog and a sprint's goals. A row that is dropped presses the button of where it landed,
// so that everything here is also done by ticking and pressing. As on a board, a mouse lifts after a few pixels and a
// finger after resting: one that moves at once is scrolling.

import { makeGhost, moveGhost } from "../board/flight.js";
import { scrollAtEdges } from "../board/landing.js";
import { announce } from "../shared/toasts.js";

const LIFTS_AFTER = 6;
const FINGER_RESTS = 300;
const FINGER_TREMBLES = 8;

class PlanningLists extends HTMLElement {
  #pressed = null;
  #frame = 0;

  connectedCallback() {
    this.addEventListener("pointerdown", (event) => this.#press(event));
    this.addEventListener("dragstart", (event) => event.preventDefault());
    // a long press asks for a menu; the hand has the row by then
    this.addEventListener("contextmenu", (event) => { if (this.#pressed?.touch) event.preventDefault(); });
    // must stand here before the finger comes down, or the browser takes the scroll for its own
    this.addEventListener("touchmove", (event) => { if (this.#pressed?.lifted && event.cancelable) event.preventDefault(); }, { passive: false });
    this.addEventListener("keydown", (event) => this.#key(event));
  }

  #press(event) {
    const row = event.target.closest(".backlog-item");
    if (!row || this.#pressed || !event.isPrimary || event.button || event.target.matches("input") || !this.querySelector("button[name=to]")) return;
    const touch = event.pointerType === "touch";
    const watch = new AbortController();
    this.#pressed = { row, touch, watch, id: event.pointerId, startX: event.clientX, startY: event.clientY, x: event.clientX, y: event.clientY };
    if (touch) this.#pressed.rest = setTimeout(() => this.#lift(), FINGER_RESTS);
    const { signal } = watch;
    addEventListener("pointermove", (moved) => this.#follow(moved), { signal });
    addEventListener("pointerup", (up) => { if (up.pointerId === this.#pressed?.id) this.#drop(); }, { signal });
    addEventListener("pointercancel", (lost) => { if (lost.pointerId === this.#pressed?.id) this.#end(); }, { signal });
    addEventListener("blur", () => this.#end(), { signal });
    addEventListener("keydown", (key) => { if (key.key === "Escape" && this.#pressed?.lifted) this.#end(); }, { signal });
  }

  #follow(event) {
    const pressed = this.#pressed;
    if (event.pointerId !== pressed?.id) return;
    pressed.x = event.clientX;
    pressed.y = event.clientY;
    if (!pressed.lifted) {
      const far = Math.hypot(pressed.x - pressed.startX, pressed.y - pressed.startY);
      if (pressed.touch) { if (far > FINGER_TREMBLES) this.#end(); return; }
      if (far < LIFTS_AFTER) return;
      this.#lift();
    }
    this.#nextFrame();
  }

  #lift() {
    const pressed = this.#pressed;
    if (!pressed.row.isConnected) return this.#end();
    pressed.lifted = true;
    pressed.time = performance.now();
    const rect = pressed.row.getBoundingClientRect();
    pressed.row.classList.add("lifted");
    // the list may scroll far away from the row: its picture stays in the hand
    pressed.ghost = makeGhost(pressed.row, rect);
    pressed.gripX = pressed.startX - rect.left;
    pressed.gripY = pressed.startY - rect.top;
    try { this.setPointerCapture(pressed.id); } catch { /* already up again */ }
    if (pressed.touch) navigator.vibrate?.(8);
    getSelection()?.removeAllRanges();
    announce(`${pressed.row.dataset.key} picked up.`);
    this.#nextFrame();
  }

  // what would take the row shows it, and near an edge the page comes closer
  #carry(now) {
    const pressed = this.#pressed;
    if (!pressed?.lifted) return;
    const scrolled = scrollAtEdges(this, this, pressed.x, pressed.y, Math.min(now - pressed.time, 32));
    pressed.time = now;
    moveGhost(pressed.ghost, pressed.x - pressed.gripX, pressed.y - pressed.gripY);
    const over = this.#under();
    this.querySelectorAll(".over").forEach((group) => group.classList.toggle("over", group === over));
    over?.classList.add("over");
    if (scrolled) this.#nextFrame();
  }

  #under() {
    return document.elementFromPoint(this.#pressed.x, this.#pressed.y)?.closest("[data-to]");
  }

  #drop() {
    const { row, lifted } = this.#pressed;
    if (!lifted) return this.#end();
    const to = this.#under();
    this.#end();
    // the button went down on a link: its click is part of the drag
    const swallow = (event) => { event.preventDefault(); event.stopPropagation(); };
    addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", swallow, { capture: true }));
    if (!to || to === row.closest("[data-to]")) return announce(`${row.dataset.key} returned.`);
    const form = this.querySelector("form");
    form.elements.dragged.value = row.dataset.key;
    form.requestSubmit(to.querySelector("button[name=to]"));
    form.elements.dragged.value = "";
    announce(`${row.dataset.key}: ${to.querySelector("h2, h3").textContent}`);
  }

  #end() {
    clearTimeout(this.#pressed?.rest);
    this.#pressed?.watch.abort();
    this.#pressed?.row.classList.remove("lifted");
    this.#pressed?.ghost?.remove();
    this.querySelectorAll(".over").forEach((group) => group.classList.remove("over"));
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#pressed = null;
  }

  #nextFrame() {
    this.#frame ||= requestAnimationFrame((now) => { this.#frame = 0; this.#carry(now); });
  }

  // arrows and j, k between the rows; the box there is ticked by the space bar or x
  #key(event) {
    const row = event.target.closest(".backlog-item");
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "x") return event.target.matches("input") && event.target.click();
    if (!step) return;
    const boxes = [...this.querySelectorAll(".backlog-item input")];
    const next = boxes[boxes.indexOf(row.querySelector("input")) + step];
    if (next) { next.focus(); event.preventDefault(); }
  }
}

customElements.define("planning-lists", PlanningLists);
