/** Where an asset comes from and what uses it: one hop each way as two lists, and further by a button on each entry. */

import { lineage } from "./api.js";
import { assetLink, count, foreign, kindBadge, make, notice } from "./dom.js";
import { jobsBetween } from "./jobs.js";

const WAYS = [
  { direction: "upstream", title: "Made from", none: "Nothing known.", further: "made from" },
  { direction: "downstream", title: "Used by", none: "Nothing known.", further: "used by" },
];

/** The section of an asset's page, filled when the answer comes. */
export function lineageSection(asset, signal) {
  const section = make("section", { class: "lineage", "aria-busy": "true" }, make("h2", {}, "Lineage"));
  fill(section, asset, signal);
  return section;
}

async function fill(section, asset, signal) {
  try {
    const graph = await lineage(asset.id, "both", signal);
    const lists = WAYS.map((way) => make("div", {}, make("h3", {}, way.title), ...listOf(graph, asset.id, way, [asset.id])));
    section.append(...stateOf(graph), make("div", { class: "ways" }, ...lists));
  } catch (error) {
    if (error.name === "AbortError") return;
    section.append(
      error.status === 404 ? make("p", { class: "small" }, "Nothing is known of it yet.") : notice(error.message, "problem"),
    );
  } finally {
    section.removeAttribute("aria-busy");
  }
}

function stateOf(graph) {
  return [...readOf(graph), ...staleOf(graph)];
}

/** Edges from runs and logs that nothing has shown for long: hidden, which is another answer than none. */
function staleOf(graph) {
  if (!graph.stale) return [];
  return [
    notice(
      graph.stale === 1
        ? "1 edge is left out, because nothing has shown it for long."
        : `${count(graph.stale)} edges are left out, because nothing has shown them for long.`,
    ),
  ];
}

function readOf(graph) {
  if (graph.state === "pending") return [notice("Its lineage is being read. Look again in a moment.")];
  if (graph.state !== "unparsed") return [];
  const why = graph.problem ? `: ${graph.problem}` : "";
  return [notice(`Its definition could not be read${why}. What it is made from is not known.`, "warning")];
}

/** Neighbours one hop away in one direction, with how many the answer left out. */
function listOf(graph, from, way, path) {
  const sign = way.direction === "upstream" ? -1 : 1;
  const nodes = graph.nodes.filter((node) => Math.sign(node.depth) === sign);
  if (!nodes.length) return [make("p", { class: "small" }, way.none)];
  const list = make("ul", {}, ...nodes.map((node) => nodeItem(node, edgeTo(graph, from, node.id, way), way, path)));
  const left = graph.total - graph.nodes.length;
  return [list, ...(left > 0 ? [make("p", { class: "small" }, `${count(left)} more are not shown.`)] : [])];
}

function edgeTo(graph, from, node, way) {
  const [source, target] = way.direction === "upstream" ? [node, from] : [from, node];
  return graph.edges.find((edge) => edge.from === source && edge.to === target);
}

function nodeItem(node, edge, way, path) {
  const short = foreign(node.qualified_name.split(".").at(-1), { class: "name" });
  const name = (node.listed || node.told) && !node.gone ? make("a", { href: assetLink(node.id) }, short) : short;
  const item = make("li", {});
  const again = path.includes(node.id);
  const line = make(
    "div",
    { class: "node" },
    again ? null : furtherButton(item, node, way, path),
    name,
    " ",
    node.kind === null || !node.listed ? null : kindBadge(node.kind), // of others `nameless` says what is known
  );
  const told = [node.gone ? "gone" : nameless(node), again ? "already above" : null, ...restsOn(edge)].filter(
    Boolean,
  );
  item.append(line, make("p", { class: "path" }, foreign(node.qualified_name)));
  if (told.length) item.append(make("p", { class: "small" }, told.join(" · ")));
  if (edge?.kind === "run") item.append(jobsBetween(edge.from, edge.to));
  return item;
}

/** That no crawl shows it; what an event names has a page all the same. */
function nameless(node) {
  if (node.listed) return null;
  return node.told ? "known from events only" : "known by name only";
}

/** What an edge rests on, where that is not simply a view's own definition. */
function restsOn(edge) {
  if (edge === undefined || (edge.kind === "view" && edge.confidence === 1)) return [];
  const sure = edge.confidence < 1 ? [`${Math.round(edge.confidence * 100)} % sure`] : [];
  return [edge.kind, ...sure, edge.evidence[0]];
}

function furtherButton(item, node, way, path) {
  const label = `Show what ${node.qualified_name} is ${way.further}`;
  const button = make("button", {
    type: "button",
    class: "further",
    "aria-expanded": "false",
    "aria-label": label,
    title: label,
  });
  let below = null;
  button.addEventListener("click", async () => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    below ??= item.appendChild(make("div", { class: "below" }));
    below.hidden = open;
    if (open || below.childElementCount) return;
    try {
      const graph = await lineage(node.id, way.direction);
      below.replaceChildren(...listOf(graph, node.id, way, [...path, node.id]));
    } catch (error) {
      below.replaceChildren(notice(error.message, "problem"));
    }
  });
  return button;
}
