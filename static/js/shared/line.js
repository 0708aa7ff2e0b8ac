// One stream for the whole browser, however many tabs: HTTP/1.1 has six connections a host. The tab
// that holds the lock has the EventSource and tells the others; when it goes, another takes over.

const SILENCE = 45_000; // the server says `beat` every 20 s
const MEMORY = 200;
const NUMBERED = ["card", "goal", "reset"];
const TYPES = ["card", "goal", "presence", "reset", "bye", "beat"];

export class Line extends EventTarget {
  #source = null; #retry = 0; #timer = null; #heard = Date.now(); #leads = false; #past = []; #presence; #ended = false; #stepDown = null; #asking = null;

  constructor(url, last) {
    super();
    this.url = url;
    this.last = last;
    this.up = true;
    // without these (no HTTPS on a local network) every tab in sight has a stream of its own
    this.shared = Boolean(navigator.locks && globalThis.BroadcastChannel);
    if (this.shared) {
      this.channel = new BroadcastChannel(`fortnight ${url}`);
      this.channel.onmessage = ({ data }) => this.#overheard(data);
      this.channel.postMessage({ hello: last });
      this.#queue();
    } else if (!document.hidden) this.#lead();
    this.#watch();
  }

  end() {
    this.#ended = true;
    this.#hangUp();
    this.#asking?.abort();
    this.#stepDown?.();
  }

  #queue(steal = false) {
    this.#asking?.abort(); // or a place in the queue from before would be granted later
    const { signal } = this.#asking = new AbortController();
    navigator.locks.request(`fortnight ${this.url}`, steal ? { steal } : { signal }, () => new Promise((resolve) => {
      if (this.#ended) return resolve();
      this.#stepDown = resolve;
      this.#lead();
    })).catch(() => {
      if (signal.aborted) return;
      // somebody else heard nothing from us and took it
      this.#leads = false;
      this.#hangUp();
      if (!this.#ended) this.#queue();
    });
  }

  #lead() {
    this.#leads = true;
    this.#dial();
  }

  #dial() {
    this.#hangUp();
    const url = new URL(this.url, location.href);
    url.searchParams.set("after", this.last);
    const source = this.#source = new EventSource(url);
    source.onopen = () => { this.#retry = 0; this.#hear(); this.#say({ up: true }); };
    source.onerror = () => {
      this.#say({ up: false });
      // still trying by itself, or given up: then it is for us to begin again
      if (source.readyState === EventSource.CLOSED) this.#redial();
    };
    for (const type of TYPES) {
      source.addEventListener(type, ({ data, lastEventId }) => {
        this.#hear();
        this.#say({ up: true });
        // an event without a number of its own carries the last one's
        this.#tell({ type, data, seq: NUMBERED.includes(type) ? Number(lastEventId) || 0 : 0 });
      });
    }
  }

  #redial() {
    if (this.#ended) return;
    const wait = Math.min(15_000, 1000 * 2 ** this.#retry++) * (0.75 + Math.random() / 2);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#dial(), wait);
    // not the line but the door may be shut: somebody should look
    if (this.#retry === 2) this.dispatchEvent(new Event("refused"));
  }

  #hangUp() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #tell(event) {
    if (event.type === "presence") this.#presence = event;
    if (event.seq) { this.#past.push(event); if (this.#past.length > MEMORY) this.#past.shift(); }
    this.channel?.postMessage({ event });
    this.#pass(event);
  }

  #pass({ type, data, seq }) {
    // not `<=`: one change may be a card and a goal
    if (seq && seq < this.last && type !== "reset") return;
    if (seq) this.last = seq;
    this.dispatchEvent(new MessageEvent(type, { data }));
  }

  #say(state) {
    if (this.#leads) this.channel?.postMessage(state);
    if (this.up === state.up) return;
    this.up = state.up;
    this.dispatchEvent(new Event("line"));
  }

  #hear() { this.#heard = Date.now(); }

  /** From another tab. */
  #overheard({ hello, catchUp, past, event, ...state }) {
    if (hello !== undefined) { if (this.#leads) this.#greet(hello); return; }
    if (this.#leads) return;
    this.#hear();
    if (catchUp !== undefined) {
      // the leader's memory does not reach back to when this page was made
      if (past === null) { if (catchUp > this.last) { this.last = catchUp; this.dispatchEvent(new MessageEvent("reset", { data: "" })); } }
      else past.forEach((missed) => this.#pass(missed));
    }
    if (event) this.#pass(event);
    if ("up" in state) this.#say(state);
  }

  /** A new tab was made after some event and before it listened: give it what lies between, and who is here. */
  #greet(seq) {
    const missed = this.#past.filter((event) => event.seq > seq);
    const whole = seq >= this.last || (this.#past[0]?.seq ?? Infinity) <= seq + 1;
    this.channel.postMessage({ catchUp: this.last, past: whole ? missed : null, event: this.#presence, up: this.up });
  }

  /** Sleep, a changed network, a server that says nothing: the browser notices none of them by itself. */
  #watch() {
    let tick = Date.now();
    setInterval(() => {
      const now = Date.now();
      const slept = now - tick > 20_000;
      tick = now;
      // timers of a tab out of sight are slowed down: that is not sleep
      if (document.hidden ? this.#leads && now - this.#heard > SILENCE : slept || now - this.#heard > SILENCE) this.#wake();
    }, 5000);
    addEventListener("online", () => this.#wake());
    document.addEventListener("visibilitychange", () => {
      if (this.shared) { if (!document.hidden && Date.now() - this.#heard > 25_000) this.#wake(); }
      else if (document.hidden) this.#hangUp();
      else this.#lead();
    });
    addEventListener("pagehide", () => { this.#hangUp(); this.#stepDown?.(); this.#leads = false; });
    addEventListener("pageshow", ({ persisted }) => {
      if (!persisted) return;
      if (!this.shared) return this.#lead();
      this.channel.postMessage({ hello: this.last });
      this.#queue();
    });
  }

  #wake() {
    if (this.#ended) return;
    if (Date.now() - this.#heard > SILENCE) this.#say({ up: false });
    this.#hear(); // once, not at every tick
    if (this.#leads) { this.#retry = 0; this.#dial(); }
    else if (this.shared && !document.hidden) this.#queue(true);
  }
}
