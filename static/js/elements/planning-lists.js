// Rows between the backlog and a sprint's goals. A row that is dropped presses the button of where it landed,
// so that everything here is also done by ticking and pressing. A finger scrolls: it ticks.

import { announce } from "../shared/toasts.js";

class PlanningLists extends HTMLElement {
  #held = null;

  connectedCallback() {
    this.addEventListener("pointerdown", (event) => this.#press(event));
    this.addEventListener("pointermove", (event) => this.#carry(event));
    this.addEventListener("pointerup", (event) => this.#drop(event));
    this.addEventListener("pointercancel", () => this.#rest());
    this.addEventListener("dragstart", (event) => event.preventDefault());
    this.addEventListener("click", (event) => this.#swallow(event), true);
    this.addEventListener("keydown", (event) => this.#key(event));
  }

  #press(event) {
    const row = event.target.closest(".slip");
    if (!row || event.button !== 0 || event.pointerType === "touch" || event.target.matches("input") || !this.querySelector("button[name=to]")) return;
    this.#held = { row, x: event.clientX, y: event.clientY, moved: false };
  }

  #carry(event) {
    const held = this.#held;
    if (!held) return;
    if (!held.moved && Math.hypot(event.clientX - held.x, event.clientY - held.y) < 6) return;
    if (!held.moved) this.setPointerCapture(event.pointerId);
    held.moved = true;
    held.row.classList.add("lifted");
    const over = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-to]");
    this.querySelectorAll(".over").forEach((group) => group.classList.toggle("over", group === over));
    over?.classList.add("over");
  }

  #drop(event) {
    const held = this.#held;
    const to = held?.moved && document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-to]");
    this.#rest();
    if (held?.moved) this.#moved = true;
    if (!to || to === held.row.closest("[data-to]")) return;
    const form = this.querySelector("form");
    form.elements.dragged.value = held.row.dataset.key;
    form.requestSubmit(to.querySelector("button[name=to]"));
    form.elements.dragged.value = "";
    announce(`${held.row.dataset.key}: ${to.querySelector("h2, h3").textContent}`);
  }

  #moved = false;

  // the click that ends a drag opens nothing
  #swallow(event) {
    if (!this.#moved) return;
    this.#moved = false;
    if (event.target.closest("a")) event.preventDefault();
  }

  #rest() {
    this.#held?.row.classList.remove("lifted");
    this.querySelectorAll(".over").forEach((group) => group.classList.remove("over"));
    this.#held = null;
  }

  // arrows and j, k between the rows; the box there is ticked by the space bar or x
  #key(event) {
    const row = event.target.closest(".slip");
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "x") return event.target.matches("input") && event.target.click();
    if (!step) return;
    const boxes = [...this.querySelectorAll(".slip input")];
    const next = boxes[boxes.indexOf(row.querySelector("input")) + step];
    if (next) { next.focus(); event.preventDefault(); }
  }
}

customElements.define("planning-lists", PlanningLists);
