// <markdown-preview>: shows how a Markdown text will look, rendered by the server as it will be when it is saved.

import { request } from "../shared/http.js";
import { reportError } from "../shared/undo-feedback.js";

class MarkdownPreview extends HTMLElement {
  connectedCallback() {
    // Created here, because without JavaScript the button would do nothing.
    if (!this.querySelector(":scope > button:not([type=submit])")) {
      this.append(Object.assign(document.createElement("button"), {
        type: "button", className: "button quiet", textContent: "Preview",
      }));
    }
    this.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      // Others, such as the one that cancels an upload, are deeper.
      if (button?.parentElement !== this || button.type === "submit") return;
      event.preventDefault();
      if (this.preview) this.edit(button);
      else this.showPreview(button);
    });
  }

  async showPreview(button) {
    const textarea = this.querySelector("textarea");
    try {
      const fields = new URLSearchParams({ markdown: textarea.value });
      const { html } = await request(this.dataset.url, { method: "POST", fragment: "task", fields });
      this.preview = document.createElement("div");
      this.preview.className = "preview prose";
      this.preview.dir = "auto";
      this.preview.innerHTML = html;
      textarea.hidden = true;
      textarea.after(this.preview);
      button.dataset.label = button.textContent;
      button.textContent = "Edit";
    } catch (error) {
      reportError(error, { retry: () => this.showPreview(button), kept: "Your text is still in the editor." });
    }
  }

  edit(button) {
    this.preview?.remove();
    this.preview = null;
    const textarea = this.querySelector("textarea");
    textarea.hidden = false;
    textarea.focus();
    button.textContent = button.dataset.label;
  }
}

customElements.define("markdown-preview", MarkdownPreview);
