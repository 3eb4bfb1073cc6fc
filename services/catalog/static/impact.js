/** What a change would do: drop the table, drop a column, give it another type; who is affected, how far, and how. */

import { impact } from "./api.js";
import { select } from "./columnlineage.js";
import { count, counted, datasetName, foreign, make, notice, visible } from "./dom.js";

const CHANGES = [
  ["drop", "Drop"],
  ["retype", "Change the type of"],
  ["rename", "Rename"],
];
const WHOLE = "the whole table";
const SHOWN = 25;

/**
 * The section of an asset's page; nothing is asked before somebody does.
 *
 * @param {object} asset
 * @returns {{section: HTMLElement, point: (column: string|null) => void}} `point` chooses a column to change.
 */
export function impactSection(asset) {
  const change = select("Change", CHANGES);
  const what = select("Of", [["", WHOLE], ...asset.columns.map((one) => [one.name, visible(one.name)])]);
  const button = make("button", { type: "submit" }, "Who is affected?");
  const form = make("form", { class: "tools" }, change.label, what.label, button);
  const answer = make("div", { class: "impact-answer", role: "status" });
  const allow = () => {
    // only a column has a type
    button.disabled = change.box.value === "retype" && !what.box.value;
  };
  for (const box of [change.box, what.box]) box.addEventListener("change", allow);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    answer.setAttribute("aria-busy", "true");
    try {
      answer.replaceChildren(...told(await impact(asset.id, change.box.value, what.box.value || null)));
    } catch (error) {
      answer.replaceChildren(
        error.status === 404 ? make("p", { class: "small" }, "Nothing is known of it yet.") : notice(error.message, "problem"),
      );
    }
    answer.removeAttribute("aria-busy");
    allow();
  });
  const point = (name) => {
    if (name === null || !asset.columns.some((one) => one.name === name)) return;
    what.box.value = name;
    allow();
  };
  return { section: make("section", { class: "impact" }, make("h2", {}, "If it changes"), form, answer), point };
}

function told(found) {
  const left = found.stale
    ? [small(`${counted(found.stale, "edge")} left out, because nothing has shown ${found.stale === 1 ? "it" : "them"} for long.`)]
    : [];
  if (!found.affected.length) return [small("Nothing is known to be affected."), ...left];
  const list = make("ul", { class: "plain-list affected" });
  const more = make("p", { class: "more" });
  draw(list, more, found.affected, SHOWN);
  return [small(summary(found)), ...owners(found), list, more, ...left];
}

function summary(found) {
  const rows = found.affected.filter((one) => one.how === "filter").length;
  const far = Math.max(...found.affected.map((one) => one.depth));
  const said = [
    `${counted(found.total, "table or view is", "tables and views are")} affected`,
    far === 1 ? "all of them one step away" : `up to ${far} steps away`,
    ...(rows ? [`${count(rows)} only in which rows they have`] : []),
    ...(found.tests ? [`${counted(found.tests, "test")} of what changes`] : []),
    ...(found.truncated ? [`the nearest ${count(found.affected.length)} are shown, and there may be more`] : []),
  ];
  return `${said.join(", ")}.`;
}

function owners(found) {
  const named = found.groups.owner.filter((one) => one.owner !== null);
  if (!named.length) return [];
  const parts = named.flatMap((one, at) => [at ? ", " : "", foreign(one.owner), ` (${count(one.datasets)})`]);
  return [make("p", { class: "small" }, "To tell: ", ...parts)];
}

function draw(list, more, affected, limit) {
  list.replaceChildren(...affected.slice(0, limit).map(item));
  if (affected.length <= limit) return more.replaceChildren();
  const button = make("button", { type: "button" }, `Show all ${count(affected.length)}`);
  button.addEventListener("click", () => draw(list, more, affected, Infinity));
  return more.replaceChildren(button);
}

function item(one) {
  const steps = make("span", { class: "small" }, counted(one.depth, "step"));
  const how = make("span", { class: `badge ${one.how === "filter" ? "" : "warned"}`.trim() }, one.how === "filter" ? "only which rows" : "values");
  const columns = one.columns.filter((name) => name !== "*");
  const shown = columns.slice(0, 8).flatMap((name, at) => (at ? [", ", foreign(name, {}, "code")] : [foreign(name, {}, "code")]));
  const rest = columns.length > 8 ? ` and ${count(columns.length - 8)} more` : "";
  const said = [
    ...(shown.length ? [make("span", {}, "in ", ...shown, rest)] : []),
    ...(one.owners.length ? [make("span", {}, "of ", foreign(one.owners.join(", ")))] : []),
    ...(one.carries ? [make("span", {}, `carries ${count(one.carries)} more`)] : []),
  ].flatMap((part, at) => (at ? [" · ", part] : [part]));
  return make(
    "li",
    {},
    make("div", { class: "node" }, datasetName(one, { class: "name" }), how, steps),
    said.length ? make("p", { class: "small" }, ...said) : null,
  );
}

function small(text) {
  return make("p", { class: "small" }, text);
}
