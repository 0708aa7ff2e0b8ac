// Every request of ours goes through here: one set of headers, one way to fail.

const said = (response) => {
  try { return decodeURIComponent(response.headers.get("Fortnight-Said") ?? ""); } catch { return ""; }
};

/** The server answered, and the answer is no. `problem` is its application/problem+json. */
export class Refused extends Error {
  constructor(problem) {
    super(problem.detail || problem.title || "The server refused that.");
    this.problem = problem;
  }
}

/** No answer: the line, not the server's judgement. A change may or may not have been made. */
export class Unreachable extends Error {
  constructor() { super("The server could not be reached."); }
}

/** Changes made by this window, so that their echo on the stream is not shown as somebody else's. */
export const ownChanges = new Set();

export async function ask(url, { method = "GET", part = "task", fields, key } = {}) {
  if (method === "GET") return answer(url, { method, part });
  const done = startWriting();
  try { return await answer(url, { method, part, fields, key }); } finally { done(); }
}

async function answer(url, { method, part, fields, key }) {
  let response, html;
  try {
    response = await fetch(url, {
      method,
      body: fields,
      headers: { Accept: "text/html, application/problem+json", "Fortnight-Fragment": part, ...(key && { "Idempotency-Key": key }) },
      signal: AbortSignal.timeout(30_000),
    });
    html = await response.text();
  } catch {
    throw new Unreachable();
  }
  const isHtml = response.headers.get("Content-Type")?.startsWith("text/html");
  // a form that needs another look comes back as HTML; everything else that failed is a problem
  if (!response.ok && !(isHtml && (response.status === 422 || response.status === 409))) {
    throw new Refused(readProblem(html, response.status));
  }
  const change = response.headers.get("Fortnight-Change");
  if (change) ownChanges.add(change);
  return {
    ok: response.ok, html, change, said: said(response),
    undoable: response.headers.has("Fortnight-Undoable"), done: response.headers.has("Fortnight-Done"),
    url: response.url, redirected: response.redirected,
  };
}

function readProblem(text, status) {
  let problem = {};
  try { problem = JSON.parse(text); } catch { /* a proxy's page, or nothing at all */ }
  if (!problem.title && !problem.detail) {
    problem.detail = status === 401 ? "You are signed out."
      : status === 403 || status === 404 ? "That is not there any more, or not for you to change."
      : "The server could not do that just now.";
  }
  return { ...problem, status };
}

// The stream may bring a change of ours before the answer to it arrives. Whoever reads the stream
// waits for the answers first, so that one change is shown once.
let writing = 0;
let begun = 0;
let idle = Promise.resolve();
let nowIdle = () => {};

function startWriting() {
  begun++;
  if (writing++ === 0) idle = new Promise((resolve) => { nowIdle = resolve; });
  return () => { if (--writing === 0) nowIdle(); };
}

/** How many there were so far: an answer that was asked for before the last of them is old. */
export const ownWrites = () => begun;

export const ownWritesAnswered = () =>
  writing ? Promise.race([idle, new Promise((resolve) => setTimeout(resolve, 4000))]) : null;
