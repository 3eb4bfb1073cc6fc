/** The page of one table or view: what it is, its columns, keys, definition, lineage, and who said what about it. */

import * as api from "./api.js";
import { columnLineageSection } from "./columnlineage.js";
import { columnSection } from "./columns.js";
import {
  assetLink,
  chips,
  copyButton,
  count,
  failure,
  foreign,
  kindBadge,
  kindName,
  make,
  notice,
  size,
  statusMark,
  time,
  visible,
} from "./dom.js";
import { describable } from "./edit.js";
import { historySection } from "./history.js";
import { impactSection } from "./impact.js";
import { jobsSection } from "./jobs.js";
import { lineageSection } from "./lineage.js";
import { relatedSection } from "./related.js";
import { similarSection } from "./similar.js";

/**
 * Read an asset and draw its page.
 *
 * @param {HTMLElement} place what is drawn into.
 * @param {string} id
 * @param {AbortSignal} signal drops an answer that nobody waits for.
 * @param {() => void} changed called when something was saved, so that older answers are asked for again.
 * @returns {Promise<{title: string, point: (column: string|null) => void}>}
 */
export async function showAsset(place, id, signal, changed) {
  place.setAttribute("aria-busy", "true");
  const page = { ...(await api.asset(id, signal)) };
  const history = historySection(page.asset.id);
  page.save = async (changes) => {
    Object.assign(page, await api.patch(id, page.etag, changes));
    history.reload();
    changed();
  };
  page.reload = async () => void Object.assign(page, await api.asset(id));
  page.describe = (column) => columnDescription(page, column.name);
  const columns = columnSection(page);
  const { asset } = page;
  const flow = columnLineageSection(asset);
  const change = impactSection(asset);
  place.replaceChildren(
    head(asset),
    make("div", { class: "main" }, descriptionSection(page), columns.section, ...flow.sections, change.section, ...definition(asset), history.section),
    make(
      "aside",
      {},
      facts(asset),
      lineageSection(asset, signal),
      jobsSection(asset, signal),
      relatedSection(asset, signal),
      similarSection(asset, signal),
      ...keys(asset),
    ),
  );
  place.removeAttribute("aria-busy");
  const point = (column) => {
    flow.point(column);
    change.point(column);
    columns.point(column);
  };
  return { title: asset.name, point };
}

/** The page of an id that leads nowhere, or of an answer that did not come. */
export function showNoAsset(place, error) {
  place.removeAttribute("aria-busy");
  const missing = error.status === 404;
  const told = missing ? notice("There is no such table or view, or you may not see it.", "problem") : failure(error);
  place.replaceChildren(make("h1", { tabindex: "-1" }, missing ? "Not found" : "No answer"), told);
}

function head(asset) {
  const name = make("h1", { tabindex: "-1" }, foreign(asset.name));
  const marks = make(
    "div",
    { class: "marks" },
    kindBadge(asset.kind, asset.listed),
    " ",
    statusMark(asset.status),
    " ",
    chips(asset.tags, "Tags"),
  );
  const path = make(
    "p",
    { class: "path" },
    foreign(asset.qualified_name),
    " ",
    copyButton(asset.qualified_name, "Copy the full name", "Copy name"),
  );
  return make(
    "header",
    {},
    make("p", { class: "small kicker" }, foreign(asset.source), " · ", foreign(asset.platform)),
    name,
    marks,
    path,
    ...warning(asset),
    ...doubt(asset),
  );
}

/** What crawls can and cannot say of its being there. */
function doubt(asset) {
  if (asset.held) {
    return [notice("The last crawl no longer found this, along with much else: it waits for somebody's yes.", "warning")];
  }
  if (asset.unseen_since === null) return [];
  const text = ["Not shown by the source since ", time(asset.unseen_since), ", but not known to be gone: ", asset.unseen_why, "."];
  return [make("p", { class: "notice warning" }, ...text)];
}

function warning(asset) {
  if (asset.status !== "deprecated" && asset.status !== "warned") return [];
  const text = asset.status === "deprecated" ? "People ask not to use this any more." : "People warn of this.";
  const successor = asset.successor
    ? [" Use ", make("a", { href: assetLink(asset.successor) }, "what takes its place"), " instead."]
    : [];
  return [make("p", { class: "notice warning" }, text, ...successor)];
}

function descriptionSection(page) {
  const subject = {
    name: page.asset.name,
    now: () => ({
      text: page.asset.description,
      curated: page.asset.curated.includes("description"),
      source: page.asset.crawled_description,
    }),
    save: (text) => page.save({ description: text }),
    reload: page.reload,
  };
  return make("section", { class: "lead-text", "aria-label": "Description" }, describable(subject));
}

/** A column as `describable` takes it; found by name each time, since a change brings a new asset. */
function columnDescription(page, name) {
  const now = () => page.asset.columns.find((column) => column.name === name);
  return {
    name,
    now: () => ({
      text: now()?.description ?? null,
      curated: now()?.curated.includes("description") ?? false,
      source: null,
    }),
    save: (text) => page.save({ columns: [{ name, description: text }] }),
    reload: page.reload,
  };
}

function facts(asset) {
  const owners = asset.owners.length
    ? asset.owners.flatMap((owner, at) => (at ? [", ", foreign(owner)] : [foreign(owner)]))
    : ["nobody yet"];
  const rows = [
    ["Owners", owners],
    ["Rows", asset.rows === null ? null : [`about ${count(asset.rows)}`]],
    ["Size", asset.bytes === null ? null : [size(asset.bytes)]],
    ["Partitions", asset.partitions === null ? null : [count(asset.partitions)]],
    ["Changed", asset.last_altered === null ? null : [time(asset.last_altered)]],
    // no crawl has ever shown what only events name
    [asset.listed ? "Last crawled" : "Last named by an event", asset.last_seen === null ? null : [time(asset.last_seen)]],
    ["Known since", asset.first_seen === null ? null : [time(asset.first_seen)]],
    ["Schema version", asset.listed ? [count(asset.version)] : null],
    // a source that was never named is called by its namespace, and stands above the name
    ["Namespace", asset.namespace === asset.source ? null : [foreign(asset.namespace)]],
    ...Object.entries(asset.properties).map(([name, value]) => [
      name,
      [foreign(typeof value === "string" ? value : JSON.stringify(value))],
    ]),
  ];
  const told = rows.filter(([, value]) => value !== null);
  const list = make("dl", {}, ...told.flatMap(([name, value]) => [make("dt", {}, foreign(name)), make("dd", {}, ...value)]));
  return make("section", { "aria-label": "Facts" }, list);
}

function keys(asset) {
  const primary = asset.primary_key.length
    ? [make("p", {}, make("span", { class: "badge key" }, "primary"), " ", ...names(asset.primary_key))]
    : [];
  const foreignKeys = asset.foreign_keys.map((key) =>
    make(
      "li",
      {},
      ...names(key.columns),
      " → ",
      make("a", { href: assetLink(key.ref_asset) }, foreign(key.ref_table)),
      key.ref_columns.length ? " (" : null,
      ...names(key.ref_columns),
      key.ref_columns.length ? ")" : null,
    ),
  );
  const indexes = asset.indexes.map((index) =>
    make("li", {}, foreign(index.name), index.unique ? " (unique): " : ": ", ...names(index.columns)),
  );
  const parts = [
    ...primary,
    ...(foreignKeys.length ? [make("ul", { class: "plain-list", "aria-label": "Foreign keys" }, ...foreignKeys)] : []),
    ...(indexes.length ? [make("h3", {}, "Indexes"), make("ul", { class: "plain-list" }, ...indexes)] : []),
  ];
  return parts.length ? [make("section", { class: "keys" }, make("h2", {}, "Keys"), ...parts)] : [];
}

function names(list) {
  return list.flatMap((name, at) => (at ? [", ", foreign(name, {}, "code")] : [foreign(name, {}, "code")]));
}

function definition(asset) {
  if (asset.definition === "none") return [];
  const title = make("h2", {}, "Definition");
  if (asset.sql === null) {
    return [
      make(
        "section",
        {},
        title,
        make(
          "p",
          { class: "small" },
          asset.definition === "unreadable"
            ? `The source would not give the SQL of this ${kindName(asset.kind)}: ${visible(asset.definition_problem)}.`
            : `The SQL of this ${kindName(asset.kind)} may name what you may not see, so it is not shown.`,
        ),
      ),
    ];
  }
  const code = make(
    "pre",
    { tabindex: "0", "aria-label": "SQL", dir: "ltr" },
    make("code", {}, visible(asset.sql.replaceAll("\r\n", "\n"))),
  );
  return [make("section", {}, make("div", { class: "tools" }, title, copyButton(asset.sql, "Copy the SQL")), code)];
}
