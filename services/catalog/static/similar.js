/** Copies, shards and offshoots of an asset: a short list that is there only where there are any. */

import { similar } from "./api.js";
import { assetLink, foreign, make, notice } from "./dom.js";

const LIKELY = 0.5;

/** The section of an asset's page, filled when the answer comes; hidden where nothing is likely enough. */
export function similarSection(asset, signal) {
  const section = make("section", { class: "related", hidden: "" }, make("h2", {}, "Similar tables"));
  fill(section, asset, signal);
  return section;
}

async function fill(section, asset, signal) {
  try {
    const { items } = await similar(asset.id, signal);
    const told = items.filter((item) => item.duplicate !== null || item.probability >= LIKELY);
    if (!told.length) return;
    section.append(make("ul", {}, ...told.map(itemOf)));
  } catch (error) {
    if (error.name === "AbortError") return;
    section.append(notice(error.message, "problem"));
  }
  section.hidden = false;
}

function itemOf(item) {
  const short = foreign(item.qualified_name.split(".").at(-1), { class: "name" });
  const mark = item.duplicate === null ? null : make("span", { class: "badge" }, item.duplicate);
  return make(
    "li",
    {},
    make("div", { class: "node" }, make("a", { href: assetLink(item.id) }, short), " ", mark),
    make("p", { class: "path" }, foreign(item.qualified_name)),
    make("p", { class: "small" }, item.reasons.slice(0, 2).join(" · ")),
  );
}
