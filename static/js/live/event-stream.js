// One server-sent event stream for all tabs of a browser, because HTTP/1.1 allows six connections per host.
// The tab that holds a lock, the leader, has the EventSource and forwards its events; when it closes, another takes
// over.

const TIMEOUT = 45_000; // milliseconds; the server sends `beat` every 20 seconds
const STALE = 25_000; // milliseconds without an event after which a tab that becomes visible checks the connection
const HISTORY_LENGTH = 200;
const NUMBERED_TYPES = ["card", "goal", "reset"];
const TYPES = ["card", "columns", "goal", "presence", "inbox", "reset", "bye", "beat"];

/**
 * Dispatches the server's events by their type; `connection` when `up` changes; and `rejected` when the server keeps
 * refusing the stream.
 */
export class EventStream extends EventTarget {
  #source = null;
  #retries = 0;
  #retryTimer = null;
  #lastHeard = Date.now();
  #isLeader = false;
  #history = [];
  #presence;
  #ended = false;
  #releaseLock = null;
  #lockRequest = null;

  /**
   * @param {string} url
   * @param {number} last the number of the last event that the page already shows
   */
  constructor(url, last) {
    super();
    this.url = url;
    this.last = last;
    this.up = true;
    // Missing without HTTPS on a local network: then every visible tab has a stream of its own.
    this.shared = Boolean(navigator.locks && globalThis.BroadcastChannel);
    if (this.shared) {
      this.channel = new BroadcastChannel(`fortnight ${url}`);
      this.channel.onmessage = ({ data }) => this.#receive(data);
      this.channel.postMessage({ hello: last });
      this.#requestLock();
    } else if (!document.hidden) {
      this.#lead();
    }
    this.#watchConnection();
  }

  /** Closes the stream for good. */
  end() {
    this.#ended = true;
    this.#disconnect();
    this.#lockRequest?.abort();
    this.#releaseLock?.();
  }

  #requestLock(steal = false) {
    this.#lockRequest?.abort(); // or an earlier request would be granted later
    const { signal } = this.#lockRequest = new AbortController();
    const hold = () => new Promise((resolve) => {
      if (this.#ended) return resolve();
      this.#releaseLock = resolve;
      this.#lead();
    });
    navigator.locks.request(`fortnight ${this.url}`, steal ? { steal } : { signal }, hold).catch(() => {
      if (signal.aborted) return;
      // Another tab heard nothing from this one and took the lock.
      this.#isLeader = false;
      this.#disconnect();
      if (!this.#ended) this.#requestLock();
    });
  }

  #lead() {
    this.#isLeader = true;
    this.#connect();
  }

  #connect() {
    this.#disconnect();
    const url = new URL(this.url, location.href);
    url.searchParams.set("after", this.last);
    const source = this.#source = new EventSource(url);
    source.onopen = () => {
      this.#retries = 0;
      this.#markHeard();
      this.#setUp(true);
    };
    source.onerror = () => {
      this.#setUp(false);
      // The browser retries by itself unless it has given up.
      if (source.readyState === EventSource.CLOSED) this.#reconnect();
    };
    for (const type of TYPES) {
      source.addEventListener(type, ({ data, lastEventId }) => {
        this.#markHeard();
        this.#setUp(true);
        // Events without a number of their own carry that of the last one.
        this.#publish({ type, data, seq: NUMBERED_TYPES.includes(type) ? Number(lastEventId) || 0 : 0 });
      });
    }
  }

  #reconnect() {
    if (this.#ended) return;
    const delay = Math.min(15_000, 1000 * 2 ** this.#retries++) * (0.75 + Math.random() / 2);
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.#connect(), delay);
    // Not a network failure, perhaps: access may have been revoked.
    if (this.#retries === 2) this.dispatchEvent(new Event("rejected"));
  }

  #disconnect() {
    clearTimeout(this.#retryTimer);
    this.#source?.close();
    this.#source = null;
  }

  /** Forwards an event of the leader's EventSource to all tabs. */
  #publish(event) {
    if (event.type === "presence") this.#presence = event;
    if (event.seq) {
      this.#history.push(event);
      if (this.#history.length > HISTORY_LENGTH) this.#history.shift();
    }
    this.channel?.postMessage({ event });
    this.#deliver(event);
  }

  /** Dispatches an event in this tab. */
  #deliver({ type, data, seq }) {
    // Not `<=`: one change may send a card and a goal with the same number.
    if (seq && seq < this.last && type !== "reset") return;
    if (seq) this.last = seq;
    this.dispatchEvent(new MessageEvent(type, { data }));
  }

  #setUp(up) {
    if (this.#isLeader) this.channel?.postMessage({ up });
    if (this.up === up) return;
    this.up = up;
    this.dispatchEvent(new Event("connection"));
  }

  #markHeard() {
    this.#lastHeard = Date.now();
  }

  /** Handles a message from another tab. */
  #receive({ hello, catchUp, past, event, ...state }) {
    if (hello !== undefined) {
      if (this.#isLeader) this.#sendCatchUp(hello);
      return;
    }
    if (this.#isLeader) return;
    this.#markHeard();
    if (catchUp !== undefined) {
      if (past !== null) {
        past.forEach((missed) => this.#deliver(missed));
      } else if (catchUp > this.last) {
        // The leader's history does not reach back to when this page was rendered.
        this.last = catchUp;
        this.dispatchEvent(new MessageEvent("reset", { data: "" }));
      }
    }
    if (event) this.#deliver(event);
    if ("up" in state) this.#setUp(state.up);
  }

  /** Sends a new tab the events between its rendering and its first message, and who is present. */
  #sendCatchUp(seq) {
    const missed = this.#history.filter((event) => event.seq > seq);
    const isComplete = seq >= this.last || (this.#history[0]?.seq ?? Infinity) <= seq + 1;
    this.channel.postMessage({
      catchUp: this.last, past: isComplete ? missed : null, event: this.#presence, up: this.up,
    });
  }

  /** Browsers do not report sleep, a changed network or a silent server by themselves. */
  #watchConnection() {
    let lastTick = Date.now();
    setInterval(() => {
      const now = Date.now();
      const slept = now - lastTick > 20_000;
      lastTick = now;
      const timedOut = now - this.#lastHeard > TIMEOUT;
      // Timers of hidden tabs are slowed down, which is not sleep.
      if (document.hidden ? this.#isLeader && timedOut : slept || timedOut) this.#checkConnection();
    }, 5000);
    addEventListener("online", () => this.#checkConnection());
    document.addEventListener("visibilitychange", () => {
      if (this.shared) {
        if (!document.hidden && Date.now() - this.#lastHeard > STALE) this.#checkConnection();
      } else if (document.hidden) {
        this.#disconnect();
      } else {
        this.#lead();
      }
    });
    addEventListener("pagehide", () => {
      this.#disconnect();
      this.#releaseLock?.();
      this.#isLeader = false;
    });
    addEventListener("pageshow", ({ persisted }) => {
      if (!persisted) return;
      if (!this.shared) return this.#lead();
      this.channel.postMessage({ hello: this.last });
      this.#requestLock();
    });
  }

  #checkConnection() {
    if (this.#ended) return;
    if (Date.now() - this.#lastHeard > TIMEOUT) this.#setUp(false);
    this.#markHeard(); // so that this runs once and not at every tick
    if (this.#isLeader) {
      this.#retries = 0;
      this.#connect();
    } else if (this.shared && !document.hidden) {
      this.#requestLock(true);
    }
  }
}
