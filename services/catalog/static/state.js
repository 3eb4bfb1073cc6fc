/** What the portal shows is its address: `?q=…&schema=…` is a search, `#/asset/ID` and `#/job/ID` pages over it. Back always works. */

/** The filters of a search, in the order in which they are offered; each may repeat. */
export const FILTERS = ["kind", "status", "schema", "database", "source", "platform", "tag", "owner", "quality"];
/** As many characters of a question as the API takes. */
const MAX_QUESTION = 4000;

/**
 * What an address asks for.
 *
 * @param {Location|URL} address
 * @returns {{q: string, filters: [string, string][], asset: string|null, column: string|null, job: string|null,
 *     run: string|null, key: string}} `key` is the same for two addresses of the same search.
 */
export function read(address) {
  const given = new URLSearchParams(address.search);
  const q = (given.get("q") ?? "").trim().slice(0, MAX_QUESTION);
  const filters = FILTERS.flatMap((field) => given.getAll(field).map((value) => [field, value]));
  const [, asset = null, column = null] = /^#\/asset\/([^/]+)(?:\/(.+))?$/.exec(address.hash) ?? [];
  const [, job = null, run = null] = /^#\/job\/([^/]+)(?:\/(.+))?$/.exec(address.hash) ?? [];
  const page = { asset: decoded(asset), column: decoded(column), job: decoded(job), run: decoded(run) };
  return { q, filters, ...page, key: query(q, filters) };
}

/** The address of a search, relative to the portal; the start page where nothing is asked. */
export function query(q, filters) {
  const pairs = [...(q ? [["q", q]] : []), ...filters];
  return pairs.length ? `?${new URLSearchParams(pairs)}` : "./";
}

/** The filters with one more, or with one less where it was there. */
export function toggled(filters, field, value) {
  const rest = filters.filter(([name, chosen]) => name !== field || chosen !== value);
  return rest.length < filters.length ? rest : [...filters, [field, value]];
}

function decoded(part) {
  try {
    return part === null ? null : decodeURIComponent(part);
  } catch {
    return part; // typed by hand; no asset is called so, and the page says it
  }
}
