// How a text will look. The server makes the HTML, as it will when the text is sent.

import { ask } from "../shared/ask.js";
import { refused } from "../shared/changes.js";

class MarkdownPreview extends HTMLElement {
  connectedCallback() {
    // without JavaScript there is nothing to press
    if (!this.querySelector("button:not([type=submit])")) {
      this.append(Object.assign(document.createElement("button"), { type: "button", className: "button quiet", textContent: "Preview" }));
    }
    this.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button || button.type === "submit") return;
      event.preventDefault();
      if (this.shown) this.write(button); else this.read(button);
    });
  }

  async read(button) {
    const text = this.querySelector("textarea");
    try {
      const { html } = await ask(this.dataset.url, { method: "POST", part: "task", fields: new URLSearchParams({ markdown: text.value }) });
      this.shown = document.createElement("div");
      this.shown.className = "preview prose";
      this.shown.dir = "auto";
      this.shown.innerHTML = html;
      text.hidden = true;
      text.after(this.shown);
      button.dataset.label = button.textContent;
      button.textContent = "Write on";
    } catch (error) {
      refused(error, { again: () => this.read(button), kept: "Your text is still here." });
    }
  }

  write(button) {
    this.shown?.remove();
    this.shown = null;
    const text = this.querySelector("textarea");
    text.hidden = false;
    text.focus();
    button.textContent = button.dataset.label;
  }
}

customElements.define("markdown-preview", MarkdownPreview);
