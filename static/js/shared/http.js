// Sends every request of the page: one set of headers, two kinds of errors.

/**
 * @typedef {object} FragmentResponse
 * @property {boolean} ok false for a form that was refused and comes back with its errors
 * @property {string} html
 * @property {string | null} changeId
 * @property {string} message what the change did, for the person who made it
 * @property {boolean} undoable
 * @property {boolean} done whether there is nothing left to show in the form's place
 * @property {string} url
 * @property {boolean} redirected
 * @property {boolean} repeated whether it had been made before, by a request whose response was lost
 */

const messageOf = (response) => {
  try {
    return decodeURIComponent(response.headers.get("Fortnight-Said") ?? "");
  } catch {
    return "";
  }
};

/** The server refused the request. `problem` is its application/problem+json. */
export class HttpError extends Error {
  constructor(problem) {
    super(problem.detail || problem.title || "The server refused the request.");
    this.problem = problem;
  }
}

/** No response arrived. A change may or may not have been made. */
export class NetworkError extends Error {
  constructor() {
    super("Could not reach the server.");
  }
}

/** Changes made by this window, so that their events on the stream are not shown as someone else's. */
export const ownChangeIds = new Set();

/**
 * @param {string | URL} url
 * @param {object} [options]
 * @param {string} [options.method]
 * @param {string} [options.fragment] which part of the page the server should render
 * @param {FormData | URLSearchParams} [options.fields]
 * @returns {Promise<FragmentResponse>}
 * @throws {HttpError | NetworkError}
 */
export async function request(url, { method = "GET", fragment = "task", fields } = {}) {
  if (method === "GET") return send(url, { method, fragment });
  const endWrite = beginWrite();
  const sent = `${method} ${url} ${described(fields)}`;
  const key = unanswered.get(sent) ?? newKey();
  unanswered.delete(sent);
  try {
    return await send(url, { method, fragment, fields, key });
  } catch (error) {
    const isUnknown = error instanceof NetworkError || error.problem?.status >= 500;
    if (isUnknown) keepKey(sent, key);
    throw error;
  } finally {
    endWrite();
  }
}

/**
 * What a form sends, as text. The server compares the contents of files.
 * @param {FormData | URLSearchParams | undefined} fields
 */
function described(fields) {
  if (!(fields instanceof FormData)) return String(fields);
  const parts = Array.from(fields, ([name, value]) =>
    value instanceof File ? `${name}: ${value.name} ${value.size} ${value.lastModified}` : `${name}=${value}`);
  return parts.join("&");
}

// The idempotency keys of writes that may have been made, by what they sent. Who sends one of them again, with the
// button of a message or by hand, makes it once.
const unanswered = new Map();

/** @returns {string} an idempotency key; `crypto.randomUUID` would need HTTPS */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function keepKey(sent, key) {
  unanswered.set(sent, key);
  if (unanswered.size > 20) unanswered.delete(unanswered.keys().next().value);
}

async function send(url, { method, fragment, fields, key }) {
  let response;
  let html;
  try {
    response = await fetch(url, {
      method,
      body: fields,
      headers: {
        Accept: "text/html, application/problem+json",
        "Fortnight-Fragment": fragment,
        ...(key && { "Idempotency-Key": key }),
        // Loaded in the background, it does not count as read.
        ...(document.hidden && { "Fortnight-Background": "1" }),
      },
      signal: AbortSignal.timeout(30_000),
    });
    html = await response.text();
  } catch {
    throw new NetworkError();
  }
  const isHtml = response.headers.get("Content-Type")?.startsWith("text/html");
  // A form with errors comes back as HTML; every other failure is a problem.
  if (!response.ok && !(isHtml && (response.status === 422 || response.status === 409))) {
    throw new HttpError(parseProblem(html, response.status));
  }
  const changeId = response.headers.get("Fortnight-Change");
  if (changeId) ownChangeIds.add(changeId);
  return {
    ok: response.ok,
    html,
    changeId,
    message: messageOf(response),
    undoable: response.headers.has("Fortnight-Undoable"),
    done: response.headers.has("Fortnight-Done"),
    url: response.url,
    redirected: response.redirected,
    repeated: response.headers.has("Fortnight-Repeated"),
  };
}

function parseProblem(text, status) {
  let problem = {};
  try {
    problem = JSON.parse(text);
  } catch { /* the page of a proxy, or an empty body */ }
  if (!problem.title && !problem.detail) {
    problem.detail = status === 401 ? "You are signed out."
      : status === 403 || status === 404 ? "This no longer exists, or you do not have access to it."
      : "The server could not process the request. Try again later.";
  }
  return { ...problem, status };
}

// The stream may bring our own change before the response to it. Readers of the stream wait for pending writes first,
// so that a change is shown only once.
let pendingWrites = 0;
let startedWrites = 0;
let idle = Promise.resolve();
let resolveIdle = () => {};

function beginWrite() {
  startedWrites++;
  if (pendingWrites++ === 0) {
    idle = new Promise((resolve) => {
      resolveIdle = resolve;
    });
  }
  return () => {
    if (--pendingWrites === 0) resolveIdle();
  };
}

/** @returns {number} writes started so far: a response requested before the last of them is outdated */
export const writeCount = () => startedWrites;

/** @returns {Promise<void> | null} resolves when no write is pending, or after four seconds */
export const whenWritesSettled = () =>
  pendingWrites ? Promise.race([idle, new Promise((resolve) => setTimeout(resolve, 4000))]) : null;
