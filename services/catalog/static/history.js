/** Who said what about an asset, newest first; read when it is opened. */

import { changes } from "./api.js";
import { foreign, make, notice, time } from "./dom.js";

const PAGE = 50;

/**
 * The section of an asset's page.
 *
 * @param {string} id
 * @returns {{section: HTMLElement, reload: () => void}} `reload` forgets what was read, for after a change.
 */
export function historySection(id) {
  const list = make("ul", { class: "plain-list" });
  const more = make("p", { class: "more" });
  const section = make(
    "details",
    { class: "history" },
    make("summary", {}, make("h2", {}, "Changes by people")),
    list,
    more,
  );
  let isRead = false;
  const read = async (before) => {
    try {
      const entries = await changes(id, before);
      list.append(...entries.map(entry));
      if (!list.childElementCount) list.append(make("li", {}, "Nobody has changed anything yet."));
      more.replaceChildren(...(entries.length === PAGE ? [olderButton(() => read(entries.at(-1).id))] : []));
    } catch (error) {
      isRead = false;
      more.replaceChildren(notice(error.message, "problem"));
    }
  };
  const open = () => {
    if (!section.open || isRead) return;
    isRead = true;
    list.replaceChildren();
    read();
  };
  section.addEventListener("toggle", open);
  return {
    section,
    reload: () => {
      isRead = false;
      open();
    },
  };
}

function olderButton(read) {
  const button = make("button", { type: "button" }, "Older");
  button.addEventListener("click", read);
  return button;
}

function entry(change) {
  const what = change.column === null ? [change.field] : [foreign(change.column, {}, "code"), ` ${change.field}`];
  const verb = change.undoes === null ? " changed " : " took back a change of ";
  const line = make("p", {}, make("strong", {}, foreign(change.by)), verb, ...what, " ", time(change.at));
  return make(
    "li",
    {},
    line,
    make("p", { class: "change" }, make("del", {}, said(change.before)), " ", make("ins", {}, said(change.after))),
  );
}

function said(value) {
  if (value === null) return make("em", {}, "the source’s own");
  const text = Array.isArray(value) ? value.join(", ") || "none" : value;
  return foreign(typeof text === "string" ? text : JSON.stringify(text));
}
