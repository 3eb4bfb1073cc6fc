/** Lineage of columns on a table's page: pick a column, and see where it comes from, what decides about it, and what it feeds. */

import { columnLineage } from "./api.js";
import { assetLink, count, counted, datasetName, foreign, make, notice, visible } from "./dom.js";

const DEPTHS = [
  ["1", "one step"],
  ["3", "three steps"],
  ["100", "all steps"],
];
/** Columns and edges of a list that are drawn at first. */
const SHOWN = 60;
/** Columns of one table that are named. */
const COLUMNS = 8;
/** Characters of a name in a choice: the browser makes the box as wide as the longest. */
const LONGEST = 60;

/**
 * The section of an asset's page; nothing is asked before a column is picked.
 *
 * @param {object} asset
 * @returns {{sections: HTMLElement[], point: (column: string|null) => void}} `point` picks a column.
 */
export function columnLineageSection(asset) {
  if (!asset.columns.length) return { sections: [], point: () => {} };
  const answer = make("div", { class: "ways across", role: "status" });
  const column = select("Column", [["", "Pick a column"], ...asset.columns.map((one) => [one.name, visible(one.name)])]);
  const depth = select("How far", DEPTHS);
  let running = new AbortController();
  const ask = async () => {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    if (!column.box.value) return answer.replaceChildren();
    answer.setAttribute("aria-busy", "true");
    try {
      answer.replaceChildren(...told(await columnLineage(asset.id, column.box.value, depth.box.value, signal)));
    } catch (error) {
      if (error.name === "AbortError") return undefined;
      answer.replaceChildren(error.status === 404 ? small("Nothing is known of this column.") : notice(error.message, "problem"));
    }
    answer.removeAttribute("aria-busy");
    return undefined;
  };
  column.box.addEventListener("change", ask);
  depth.box.addEventListener("change", ask);
  const title = make("h2", {}, "Lineage of a column");
  const section = make("section", { class: "column-lineage" }, title, make("div", { class: "tools" }, column.label, depth.label), answer);
  const point = (name) => {
    if (name === null || column.box.value === name) return;
    if (!asset.columns.some((one) => one.name === name)) {
      answer.replaceChildren(make("p", { class: "small" }, "This table is not known to have a column ", foreign(name), "."));
      return;
    }
    column.box.value = name;
    ask();
  };
  return { sections: [section], point };
}

/** A labelled choice among pairs of a value and its words. */
export function select(label, choices) {
  const short = (words) => (words.length > LONGEST ? `${words.slice(0, LONGEST)}…` : words);
  const box = make("select", {}, ...choices.map(([value, words]) => make("option", { value }, short(words))));
  return { box, label: make("label", { class: "choice" }, make("span", { class: "small" }, label), box) };
}

function told(graph) {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const start = graph.nodes.find((node) => node.depth === 0).id;
  const parts = [
    ...state(graph),
    way("Comes from", entries(graph, nodes, start, "from"), "Only decides which rows", "No column is known that it comes from."),
    way("Feeds", entries(graph, nodes, start, "to"), "Only which rows", "No column is known that it gets into."),
  ];
  const cut = graph.nodes.length < graph.total ? `${count(graph.nodes.length)} of ${count(graph.total)} columns are shown.` : null;
  const beyond = graph.truncated && cut === null ? "There is more behind these; look further." : null;
  return [...parts, ...[cut, beyond].filter(Boolean).map(small)];
}

function state(graph) {
  const said = { unparsed: "Its definition could not be read", partly: "Its definition is understood in part" }[graph.state];
  const found = said ? [notice(`${said}${graph.problem ? `: ${graph.problem}` : ""}.`, "warning")] : [];
  if (graph.stale) found.push(small(`${counted(graph.stale, "edge")} left out, because nothing has shown ${graph.stale === 1 ? "it" : "them"} for long.`));
  return found;
}

/**
 * The columns on one side of the picked one, near ones first, each with how it is used there.
 *
 * `values` is true where values get all the way along; a column that decides about rows somewhere on it does not hand on its own.
 */
function entries(graph, nodes, start, end) {
  const other = end === "from" ? "to" : "from";
  const onSide = (node) => (end === "from" ? node.depth <= 0 : node.depth >= 0);
  const edges = graph.edges.filter((edge) => [edge.from, edge.to].every((id) => nodes.has(id) && onSide(nodes.get(id))));
  const along = new Set([start]);
  for (const id of along) {
    // a set that grows is walked to its end
    for (const edge of edges) if (edge[other] === id && edge.direct !== false) along.add(edge[end]);
  }
  const found = new Map();
  for (const edge of edges) {
    const node = nodes.get(edge[end]);
    if (node.id === start) continue;
    const values = along.has(node.id);
    if (values && !(along.has(edge[other]) && edge.direct !== false)) continue;
    const one = found.get(node.id) ?? { node, values, kinds: new Set(), sure: 1 };
    // of what only decides about rows, how it does is told, and not how values go on from there
    if (values || edge.direct === false) one.kinds.add(edge.kind);
    one.sure = Math.min(one.sure, edge.confidence);
    found.set(node.id, one);
  }
  return [...found.values()].sort((a, b) => Math.abs(a.node.depth) - Math.abs(b.node.depth));
}

/** One direction: columns whose values go along, then those that only decide which rows there are. */
function way(title, found, deciding, none) {
  const values = found.filter((one) => one.values);
  const rows = found.filter((one) => !one.values);
  return make(
    "div",
    {},
    make("h3", {}, title),
    ...(values.length ? list(values, item) : [small(none)]),
    ...(rows.length ? [make("h3", {}, deciding), ...list(byTable(rows), tableItem)] : []),
  );
}

/** Entries of one table as one: a condition decides about every column of a view. */
function byTable(found) {
  const tables = new Map();
  for (const { node, kinds, sure } of found) {
    const one = tables.get(node.asset) ?? { node, columns: [], kinds: new Set(), sure: 1 };
    if (node.column !== "*") one.columns.push(node.column);
    for (const kind of kinds) one.kinds.add(kind);
    one.sure = Math.min(one.sure, sure);
    tables.set(node.asset, one);
  }
  return [...tables.values()];
}

function tableItem({ node, columns, kinds, sure }) {
  const named = { ...node, id: node.asset, qualified_name: tableOf(node) };
  const shown = columns.slice(0, COLUMNS).flatMap((name, at) => (at ? [", ", foreign(name, {}, "code")] : [foreign(name, {}, "code")]));
  const rest = columns.length > COLUMNS ? ` and ${count(columns.length - COLUMNS)} more` : "";
  return make(
    "li",
    {},
    make("div", { class: "node" }, datasetName(named, { class: "name" }), ...badges(node, kinds, sure)),
    shown.length ? make("p", { class: "small" }, ...shown, rest) : null,
  );
}

function tableOf(node) {
  return node.qualified_name.slice(0, -node.column.length - 1);
}

/** How a column is used, how far away, and how sure that is. */
function badges(node, kinds, confidence) {
  return [
    ...[...kinds].map((kind) => make("span", { class: "badge" }, visible(kind))),
    ...(Math.abs(node.depth) > 1 ? [make("span", { class: "small" }, `${Math.abs(node.depth)} steps`)] : []),
    ...(confidence < 0.9 ? [make("span", { class: "small" }, `${Math.round(confidence * 100)} % sure`)] : []),
  ];
}

function list(entries, draw) {
  const items = make("ul", {}, ...entries.slice(0, SHOWN).map(draw));
  return [items, ...(entries.length > SHOWN ? [small(`${count(entries.length - SHOWN)} more are not shown.`)] : [])];
}

function item({ node, kinds, sure }) {
  const open = node.column === "*";
  const shown = foreign(open ? "some column, or its rows" : node.column, { class: "name" }, open ? "span" : "code");
  const has = (node.listed || node.told) && !node.gone && !open;
  return make(
    "li",
    {},
    make("div", { class: "node" }, has ? make("a", { href: assetLink(node.asset, node.column) }, shown) : shown, ...badges(node, kinds, sure)),
    make("p", { class: "path" }, foreign(tableOf(node))),
  );
}

function small(text) {
  return make("p", { class: "small" }, text);
}
