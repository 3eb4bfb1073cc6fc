/**
 * The public API as the portal calls it, one function a route, and the token where the catalog asks for one.
 *
 * Addresses are relative to the page, so that the portal also works below a path of a proxy.
 */

const KEPT = "headwater.token";
let asking = null;
let askPerson = async () => null;

/** An answer that is no success: `status` 0 means that there was no answer at all. */
export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** Give the function that asks a person for a token, given why; it promises the token, or null where they will not say. */
export function onTokenNeeded(ask) {
  askPerson = ask;
}

/** Whether a token is kept in this tab. */
export function hasToken() {
  return sessionStorage.getItem(KEPT) !== null;
}

/** Forget the token of this tab. */
export function forgetToken() {
  sessionStorage.removeItem(KEPT);
}

/** `question` is a list of pairs, since filters may repeat. */
export async function search(question, signal) {
  return (await call(`api/v1/search?${new URLSearchParams(question)}`, { signal })).body;
}

/**
 * Say what was done with an answer, and wait for nothing: whoever searches must not notice it, nor that it failed.
 *
 * @param {string} queryId as the answer said.
 * @param {Array<{kind: string, id?: string, verdict?: string|null}>} events
 */
export function feedback(queryId, events) {
  if (!events.length) return;
  const body = JSON.stringify({ query_id: queryId, events });
  const headers = { "Content-Type": "application/json" };
  // `keepalive`: the click that is told of may leave the page
  call("api/v1/feedback", { method: "POST", headers, body, keepalive: true, quiet: true }).catch(() => {});
}

/** Completions of what is being typed; never asks for a token, the search itself does. */
export async function suggest(text, signal) {
  return (await call(`api/v1/suggest?${new URLSearchParams({ q: text })}`, { signal, quiet: true })).body.suggestions;
}

/** What was crawled, as far as the caller sees it. */
export async function sources() {
  return (await call("api/v1/sources")).body.sources;
}

/** The asset and the `etag` that a later change of it must name. */
export async function asset(id, signal) {
  const { body, etag } = await call(`api/v1/assets/${encodeURIComponent(id)}`, { signal });
  return { asset: body, etag };
}

/** Change what people say; null takes their word back. Answers like `asset`. */
export async function patch(id, etag, changes) {
  const { body, etag: next } = await call(`api/v1/assets/${encodeURIComponent(id)}`, {
    method: "PATCH",
    headers: { "If-Match": etag, "Content-Type": "application/merge-patch+json" },
    body: JSON.stringify(changes),
  });
  return { asset: body, etag: next };
}

/** One hop of lineage; `direction` is upstream, downstream or both. */
export async function lineage(id, direction, signal) {
  const asked = new URLSearchParams({ direction, depth: "1", limit: "100" });
  return (await call(`api/v1/assets/${encodeURIComponent(id)}/lineage?${asked}`, { signal })).body;
}

/** Where a column comes from and what it gets into, `depth` datasets far. */
export async function columnLineage(id, column, depth, signal) {
  const asked = new URLSearchParams({ column, direction: "both", depth, limit: "500" });
  return (await call(`api/v1/assets/${encodeURIComponent(id)}/lineage?${asked}`, { signal })).body;
}

/** Who is affected by a change; `column` is null for the whole table. */
export async function impact(id, change, column, signal) {
  const asked = new URLSearchParams({ change, limit: "1000", ...(column === null ? {} : { column }) });
  return (await call(`api/v1/assets/${encodeURIComponent(id)}/impact?${asked}`, { signal })).body;
}

/** A job with its runs, the last begun first; what it reads and writes. */
export async function job(id, signal, limit = 1, cursor = null) {
  const asked = new URLSearchParams({ limit, ...(cursor === null ? {} : { cursor }) });
  return (await call(`api/v1/jobs/${encodeURIComponent(id)}?${asked}`, { signal })).body;
}

/** The jobs that read or write an asset. */
export async function jobsOf(id, signal) {
  const asked = new URLSearchParams({ asset: id, limit: "200" });
  return (await call(`api/v1/jobs?${asked}`, { signal })).body;
}

/** What is used together with an asset, best first. */
export async function related(id, limit, signal) {
  return (await call(`api/v1/assets/${encodeURIComponent(id)}/related?limit=${limit}`, { signal })).body;
}

/** What is like an asset in structure and text, likeliest first. */
export async function similar(id, signal) {
  return (await call(`api/v1/assets/${encodeURIComponent(id)}/similar?limit=5`, { signal })).body;
}

/** Who said what, newest first; `before` is the id of the last entry that is known already. */
export async function changes(id, before) {
  const asked = new URLSearchParams({ limit: "50", ...(before === undefined ? {} : { before }) });
  return (await call(`api/v1/assets/${encodeURIComponent(id)}/changes?${asked}`)).body.changes;
}

async function call(path, { quiet = false, ...options } = {}) {
  let { response, token } = await send(path, options);
  while (response.status === 401 && !quiet) {
    // another answer may have led to a token while this one was on its way
    if (token === sessionStorage.getItem(KEPT) && !(await newToken(await problemOf(response)))) break;
    ({ response, token } = await send(path, options));
  }
  if (!response.ok) throw await problemOf(response);
  return { body: await response.json(), etag: response.headers.get("ETag") };
}

async function send(path, options) {
  const token = sessionStorage.getItem(KEPT);
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  try {
    return { response: await fetch(path, { credentials: "omit", ...options, headers }), token };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "no_answer", "The catalog does not answer. Is it running?");
  }
}

/** Whether a person gave a token; they are asked once, however many requests were refused at the same time. */
async function newToken(refusal) {
  asking ??= askPerson(hasToken() ? `Refused: ${refusal.message}.` : "").finally(() => (asking = null));
  const token = await asking;
  if (token !== null) sessionStorage.setItem(KEPT, token);
  return token !== null;
}

async function problemOf(response) {
  try {
    const body = await response.clone().json();
    return new Problem(response.status, body.code, body.detail);
  } catch {
    return new Problem(response.status, "unexpected", `The catalog answered ${response.status}.`);
  }
}
