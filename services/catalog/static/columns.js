/** The columns of a table: in the source's order, with a box to narrow wide ones, names to copy, and words to edit. */

import { assetLink, chips, copyButton, count, counted, foreign, make, statusMark } from "./dom.js";
import { describable } from "./edit.js";

/** Rows drawn at first: a table of thousands of columns must not hold up its page. */
const SHOWN = 200;
const FILTER_FROM = 12;

/**
 * The section of an asset's page.
 *
 * @param {object} page `asset`, and `describe(column)` as `describable` takes it.
 * @returns {{section: HTMLElement, point: (column: string|null) => void}} `point` marks a column and shows it.
 */
export function columnSection(page) {
  const { columns } = page.asset;
  const body = make("tbody", { role: "rowgroup" });
  const labels = told(columns);
  const heads = ["Column", ...labels].map((text) => make("th", { role: "columnheader", scope: "col" }, text));
  const head = make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...heads));
  const table = make("table", { class: "columns", role: "table", "aria-labelledby": "columns-title" }, head, body);
  const rest = make("p", { class: "more" });
  const rows = new Map();
  const rowOf = (column) => rows.get(column) ?? rows.set(column, row(page, column, labels)).get(column);
  const draw = (chosen, limit = SHOWN) => {
    body.replaceChildren(...chosen.slice(0, limit).map(rowOf));
    rest.replaceChildren(...(chosen.length > limit ? [allButton(chosen, draw)] : []));
    table.hidden = !chosen.length;
  };
  draw(columns);
  const section = make("section", {}, title(columns), tools(columns, draw), table, rest);
  let pointed = null;
  const point = (name) => {
    pointed?.classList.remove("pointed");
    const column = columns.find((one) => one.name === name);
    if (column === undefined) return;
    pointed = rowOf(column);
    if (!pointed.isConnected) {
      const box = section.querySelector("input[type=search]");
      box.value = "";
      box.dispatchEvent(new Event("input"));
      draw(columns, Infinity);
    }
    pointed.classList.add("pointed");
    pointed.scrollIntoView({ block: "center" });
  };
  return { section, point };
}

/** What is told of the columns: what nothing is known of gets no place. */
function told(columns) {
  const has = { Null: (column) => column.nullable !== null, Tags: (column) => column.tags.length > 0 };
  return ["Type", "Null", "Description", "Tags"].filter((head) => has[head] === undefined || columns.some(has[head]));
}

function title(columns) {
  return make("h2", { id: "columns-title" }, "Columns ", make("span", { class: "figure" }, count(columns.length)));
}

function tools(columns, draw) {
  if (!columns.length) return make("p", { class: "small" }, "The source told of no columns.");
  const copy = copyButton(
    columns.map((column) => column.name).join(", "),
    "Copy all column names, separated by commas",
    "Copy all names",
  );
  if (columns.length < FILTER_FROM) return make("div", { class: "tools" }, copy);
  const box = make("input", { type: "search", placeholder: "Filter columns", "aria-label": "Filter columns" });
  const said = make("span", { class: "small", role: "status" });
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = columns.filter((column) => words.every((word) => searched(column).includes(word)));
    said.textContent = words.length ? counted(chosen.length, "column") : "";
    draw(chosen);
  });
  return make("div", { class: "tools" }, box, said, copy);
}

function searched(column) {
  return [column.name, column.type ?? "", column.description ?? "", ...column.tags].join("\n").toLowerCase();
}

function allButton(chosen, draw) {
  const button = make("button", { type: "button" }, `Show all ${count(chosen.length)}`);
  button.addEventListener("click", () => draw(chosen, Infinity));
  return button;
}

function row(page, column, labels) {
  const { asset } = page;
  const name = make("a", { href: assetLink(asset.id, column.name), class: "column-name" }, foreign(column.name, {}, "code"));
  const copy = copyButton(column.name, `Copy the name ${column.name}`);
  const fallback =
    column.default === null
      ? null
      : make("span", { class: "small default" }, "default ", foreign(column.default, {}, "code"));
  const cells = {
    Type: [column.type ? foreign(column.type, {}, "code") : null, fallback],
    Null: [{ true: "yes", false: "no" }[column.nullable] ?? ""],
    Description: [describable(page.describe(column))],
    Tags: [chips(column.tags, "Tags")],
  };
  return make(
    "tr",
    { role: "row" },
    make("th", { role: "rowheader", scope: "row" }, name, " ", ...marks(asset, column), copy),
    ...labels.map((label) => make("td", { role: "cell", "data-label": label }, ...cells[label])),
  );
}

/** What stands beside a column's name: that it is a key, where it refers to, and what people say of it. */
function marks(asset, column) {
  const key = asset.primary_key.includes(column.name)
    ? [make("span", { class: "badge key", title: "Part of the primary key" }, "key")]
    : [];
  const refers = asset.foreign_keys
    .filter((one) => one.columns.includes(column.name))
    .map((one) =>
      make(
        "a",
        { class: "badge", href: assetLink(one.ref_asset), "aria-label": `Refers to ${one.ref_table}`, title: one.ref_table },
        "→ ",
        foreign(one.ref_table.split(".").at(-1)),
      ),
    );
  const status = column.status ? [statusMark(column.status)] : [];
  const successor = column.successor
    ? [make("span", { class: "small" }, "use ", foreign(column.successor, {}, "code"))]
    : [];
  return [...key, ...refers, ...status, ...successor].flatMap((mark) => [mark, " "]);
}
