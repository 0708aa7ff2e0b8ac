// <walk-timer>: how long the team has been walking the board, and how long it has talked about the current card.
// The times stay in the browser tab.

const STORAGE_KEY = "walk-timer";

class WalkTimer extends HTMLElement {
  connectedCallback() {
    this.button = Object.assign(document.createElement("button"), { type: "button", className: "button" });
    this.button.addEventListener("click", () => this.toggle());
    this.replaceChildren(this.button);
    const at = currentCard();
    const timer = load();
    // The same card shown again, because someone changed something, keeps its time.
    if (timer && timer.at !== at) save({ ...timer, at, card: Date.now() });
    this.run();
  }

  disconnectedCallback() {
    clearInterval(this.interval);
  }

  toggle() {
    save(load() ? null : { at: currentCard(), started: Date.now(), card: Date.now() });
    this.run();
  }

  run() {
    clearInterval(this.interval);
    const timer = load();
    this.button.setAttribute("aria-pressed", String(Boolean(timer)));
    if (!timer) {
      this.button.textContent = "Timer";
      return;
    }
    const render = () => {
      this.button.textContent = `${formatElapsed(timer.started)} · this card ${formatElapsed(timer.card)}`;
    };
    render();
    this.interval = setInterval(render, 1000);
  }
}

const currentCard = () => new URL(location.href).searchParams.get("at") ?? "";

function formatElapsed(since) {
  const seconds = Math.max(0, Math.floor((Date.now() - since) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function load() {
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE_KEY));
  } catch {
    return null;
  }
}

function save(timer) {
  try {
    if (timer) sessionStorage.setItem(STORAGE_KEY, JSON.stringify(timer));
    else sessionStorage.removeItem(STORAGE_KEY);
  } catch { /* without storage the timer starts again with each card */ }
}

customElements.define("walk-timer", WalkTimer);
