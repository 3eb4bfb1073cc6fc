/** The small set of tables that answers a question together: asked for by a button, drawn above the hits with its joins. */

import { search } from "./api.js";
import { announce, assetLink, copyButton, count, foreign, make, notice } from "./dom.js";

/**
 * A place with a button; the set takes the button's place once it has come.
 *
 * @param {Array<[string, string]>} asked the question's parameters.
 */
export function togetherPanel(asked) {
  const place = make("div", { class: "tools" });
  const button = make("button", { type: "button" }, "Which tables answer this together?");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const { answer } = await search([...asked, ["answer", "tables"]]);
      const card = answer.tables.length ? setCard(answer) : notice("No set of tables answers this.");
      place.replaceWith(card);
      announce(`${count(answer.tables.length)} tables answer this together.`);
    } catch (error) {
      button.disabled = false;
      place.replaceChildren(button, notice(error.message, "problem"));
    }
  });
  place.append(button);
  return place;
}

function setCard(answer) {
  const tables = answer.tables.map((table) =>
    make("li", {}, make("a", { href: assetLink(table.id) }, foreign(table.qualified_name))),
  );
  return make(
    "section",
    { class: "card", "aria-label": "Tables that answer together" },
    make("h2", {}, "Together"),
    make("ul", { "aria-label": "Tables of the set" }, ...tables),
    make("pre", {}, foreign(answer.sql, {}, "code")),
    copyButton(answer.sql, "Copy the FROM clause"),
    ...answer.missing.map((missing) => notice(`Missing: ${missing.text}.`, "warning")),
  );
}
