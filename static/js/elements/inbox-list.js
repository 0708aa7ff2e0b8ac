// <inbox-list>: the keys of the inbox, and its buttons without loading the page anew.

import { request } from "../shared/http.js";
import { announce } from "../shared/toasts.js";
import { reportError } from "../shared/undo-feedback.js";
import { refreshPage } from "../live/live-updates.js";

const BUTTONS = { e: "done", h: "standup" };

// After these, a thread stays where it is.
const STAYING = ["read", "unread"];

class InboxList extends HTMLElement {
  connectedCallback() {
    this.addEventListener("submit", (event) => {
      if (event.defaultPrevented) return;
      event.preventDefault();
      this.#send(event.target, event.submitter);
    });
  }

  /**
   * Does what a key does.
   * @param {string} key
   * @returns {boolean} whether the key did something
   */
  handleKey(key) {
    const threads = [...this.querySelectorAll("[data-thread]")];
    const current = threads.findIndex((thread) => thread.contains(document.activeElement));
    if (key === "j" || key === "k") {
      const next = current < 0 ? threads[0] : threads[current + (key === "j" ? 1 : -1)];
      next?.querySelector("a.title").focus();
      return true;
    }
    const thread = threads[current];
    const value = key === "u" ? (thread?.matches(".unread") ? "read" : "unread") : BUTTONS[key];
    const button = value && thread?.querySelector(`button[value="${value}"]`);
    if (!button) return false;
    this.#send(button.form, button);
    return true;
  }

  async #send(form, button) {
    if (!STAYING.includes(button?.value)) this.#focusNext(form.closest("[data-thread]"));
    try {
      await request(form.action, { method: "POST", fields: new URLSearchParams(new FormData(form, button)) });
      await refreshPage();
      if (button?.dataset.said) announce(button.dataset.said);
    } catch (error) {
      reportError(error, { retry: () => this.#send(form, button) });
    }
  }

  /**
   * Moves the focus on from a thread that is about to leave the list, after the last one to the name of the list.
   * @param {Element} thread
   */
  #focusNext(thread) {
    const threads = [...this.querySelectorAll("[data-thread]")];
    const current = threads.indexOf(thread);
    const following = threads[current + 1] ?? threads[current - 1];
    (following?.querySelector("a.title") ?? document.querySelector("main [aria-current]")).focus();
  }
}

customElements.define("inbox-list", InboxList);
