/** What is used together with an asset: a short list with reasons, and the join to copy. */

import { related } from "./api.js";
import { assetLink, copyButton, foreign, make, notice } from "./dom.js";

/** The section of an asset's page, filled when the answer comes; it goes away where there is nothing to tell. */
export function relatedSection(asset, signal) {
  const section = make("section", { class: "related", "aria-busy": "true" }, make("h2", {}, "Used together"));
  fill(section, asset, signal);
  return section;
}

async function fill(section, asset, signal) {
  try {
    const { items } = await related(asset.id, signal);
    if (items.length) section.append(make("ul", {}, ...items.map(itemOf)));
    else section.append(make("p", { class: "small" }, "Nothing known."));
  } catch (error) {
    if (error.name === "AbortError") return;
    section.append(notice(error.message, "problem"));
  } finally {
    section.removeAttribute("aria-busy");
  }
}

function itemOf(item) {
  const short = foreign(item.qualified_name.split(".").at(-1), { class: "name" });
  const name = item.listed ? make("a", { href: assetLink(item.id) }, short) : short;
  const told = [item.listed ? null : "known from logs only", item.reasons[0]].filter(Boolean);
  const join = item.join_on.find((one) => one.sql);
  return make(
    "li",
    {},
    make("div", { class: "node" }, name, " ", join ? copyButton(join.sql, "Copy the join", "Copy join") : null),
    make("p", { class: "path" }, foreign(item.qualified_name)),
    make("p", { class: "small" }, told.join(" · ")),
  );
}
