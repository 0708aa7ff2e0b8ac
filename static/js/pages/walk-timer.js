// How long the meeting over the board goes on already, and this card: for who wants it. Nothing of it leaves the page.

const KEY = "walk-timer";

class WalkTimer extends HTMLElement {
  connectedCallback() {
    this.button = Object.assign(document.createElement("button"), { type: "button", className: "button" });
    this.button.addEventListener("click", () => this.toggle());
    this.replaceChildren(this.button);
    const at = new URL(location.href).searchParams.get("at") ?? "";
    const kept = read();
    // a card that is only shown again, because somebody changed something, goes on
    if (kept && kept.at !== at) write({ ...kept, at, card: Date.now() });
    this.run();
  }

  disconnectedCallback() {
    clearInterval(this.ticking);
  }

  toggle() {
    const at = new URL(location.href).searchParams.get("at") ?? "";
    write(read() ? null : { at, began: Date.now(), card: Date.now() });
    this.run();
  }

  run() {
    clearInterval(this.ticking);
    const kept = read();
    this.button.setAttribute("aria-pressed", String(Boolean(kept)));
    if (!kept) { this.button.textContent = "Timer"; return; }
    const show = () => { this.button.textContent = `${clock(kept.began)} · this card ${clock(kept.card)}`; };
    show();
    this.ticking = setInterval(show, 1000);
  }
}

function clock(since) {
  const seconds = Math.max(0, Math.floor((Date.now() - since) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function read() {
  try { return JSON.parse(sessionStorage.getItem(KEY)); } catch { return null; }
}

function write(kept) {
  try { kept ? sessionStorage.setItem(KEY, JSON.stringify(kept)) : sessionStorage.removeItem(KEY); } catch { /* a timer that forgets is one all the same */ }
}

customElements.define("walk-timer", WalkTimer);
