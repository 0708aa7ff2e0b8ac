// <import-progress>: shows how far an import is, until it has ended.

import { request } from "../shared/http.js";
import { morphRegion, pickElement } from "../shared/morph.js";

const EVERY = 1000;

class ImportProgress extends HTMLElement {
  #timer = 0;

  connectedCallback() {
    this.#timer = setInterval(() => this.#refresh(), EVERY);
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
  }

  async #refresh() {
    if (document.visibilityState !== "visible") return;
    let response;
    try {
      response = await request(location.href, { fragment: "page" });
    } catch {
      return; // the next turn tries again
    }
    const fresh = pickElement(response.html, "main");
    if (fresh && this.isConnected) morphRegion(document.querySelector("main"), fresh);
  }
}

customElements.define("import-progress", ImportProgress);
