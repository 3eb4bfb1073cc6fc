/** What is used together with an asset: a short list with reasons, and the join to copy. */

import { related } from "./api.js";
import { assetLink, copyButton, foreign, make, notice } from "./dom.js";

const SHOWN = 5;
const LOOKED_THROUGH = 50;

/** The section of an asset's page, filled when the answer comes; it goes away where there is nothing to tell. */
export function relatedSection(asset, signal) {
  const section = make("section", { class: "related", "aria-busy": "true" }, make("h2", {}, "Used together"));
  fill(section, asset, signal);
  return section;
}

async function fill(section, asset, signal) {
  try {
    const items = await found(asset, signal);
    if (items.length) section.append(make("ul", {}, ...shortened(items).map(itemOf)));
    else section.append(make("p", { class: "small" }, "Nothing known."));
  } catch (error) {
    if (error.name === "AbortError") return;
    section.append(notice(error.message, "problem"));
  } finally {
    section.removeAttribute("aria-busy");
  }
}

/** As many as are shown; more only where queries were read and none of the first is known from them. */
async function found(asset, signal) {
  const { items } = await related(asset.id, SHOWN, signal);
  if (asset.usage === null || items.length < SHOWN || items.some((one) => one.basis === "observed")) return items;
  return (await related(asset.id, LOOKED_THROUGH, signal)).items;
}

/** The first few; where none of them is used with the asset in any query that was read, the best one that is stands last. */
export function shortened(items) {
  const first = items.slice(0, SHOWN);
  const observed = items.find((one) => one.basis === "observed");
  if (observed && !first.includes(observed)) first.splice(-1, 1, observed);
  return first;
}

/** How likely it is the one that goes with the asset, as a share of the questions in which one does. */
function share(probability) {
  return probability >= 0.01 ? `${Math.round(100 * probability)} %` : "less than 1 %";
}

function itemOf(item) {
  const short = foreign(item.qualified_name.split(".").at(-1), { class: "name" });
  const name = item.listed ? make("a", { href: assetLink(item.id) }, short) : short;
  const likely = `the next table in ${share(item.probability)} of cases`;
  const told = [item.basis, likely, item.listed ? null : "known by name only", item.reasons[0]].filter(Boolean);
  const join = item.join_on.find((one) => one.sql);
  return make(
    "li",
    {},
    make("div", { class: "node" }, name, " ", join ? copyButton(join.sql, "Copy the join", "Copy join") : null),
    make("p", { class: "path" }, foreign(item.qualified_name)),
    make("p", { class: "small" }, told.join(" · ")),
  );
}
