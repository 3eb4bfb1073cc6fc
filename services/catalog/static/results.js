/** The answer to a question: hits with their reasons, filters with counts, and what the answer says of itself. */

import { UNLIKELY } from "../widget/headwater.js";
import { feedback, search } from "./api.js";
import {
  announce,
  assetLink,
  chips,
  count,
  counted,
  foreign,
  jobLink,
  kindBadge,
  kindName,
  make,
  notice,
  statusMark,
} from "./dom.js";
import { jobFacts } from "./jobs.js";
import { FILTERS, query, toggled } from "./state.js";
import { togetherPanel } from "./together.js";

const PAGE = 20;
const VALUES_SHOWN = 8;
const REASONS_SHOWN = 2;
const LACKS = {
  jobs_missing: "Jobs are missing: the lineage service does not answer, or this is a copy that holds none.",
  model_missing: "The model is missing, so this was answered by words only.",
  vectors_pending: "Some texts are still being embedded; by meaning, not everything can be found yet.",
};

/**
 * Ask and draw.
 *
 * @param {HTMLElement} place what is drawn into.
 * @param {object} state from `read`.
 * @param {AbortSignal} signal drops an answer that nobody waits for.
 */
export async function showResults(place, state, signal) {
  place.setAttribute("aria-busy", "true");
  const answer = await search(asked(state), signal);
  const list = make("ol", { class: "hits" }, ...cardsOf(answer, state, signal));
  const more = make("p", { class: "more" });
  const together = state.q && answer.hits.some((hit) => hit.kind !== "job") ? togetherPanel(asked(state)) : null;
  place.replaceChildren(
    facetPanel(answer, state),
    make("div", { class: "found" }, ...chosenFilters(state), summary(answer), ...notices(answer, state), together, list, more),
  );
  place.removeAttribute("aria-busy");
  announce(`${counted(answer.total, "match", "matches")}.`);
  offerMore(more, list, answer, state, signal);
}

function asked(state, cursor) {
  return [["q", state.q], ...state.filters, ["limit", PAGE], ...(cursor ? [["cursor", cursor]] : [])];
}

/** A button for the next page as long as there is one; its hits are appended and the first of them gets the focus. */
function offerMore(more, list, answer, state, signal) {
  if (answer.cursor === null) {
    more.replaceChildren();
    return;
  }
  const button = make("button", { type: "button" }, `Show more (${count(list.children.length)} of ${count(answer.total)})`);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const next = await search(asked(state, answer.cursor));
      const items = cardsOf(next, state, signal);
      list.append(...items);
      items[0]?.querySelector("a, .name").focus();
      offerMore(more, list, next, state, signal);
    } catch (error) {
      button.disabled = false;
      more.replaceChildren(button, notice(error.message, "problem"));
    }
  });
  more.replaceChildren(button);
}

/** The hits as cards. That they were shown is told, and which of them is opened; a listing without words is no question. */
function cardsOf(answer, state, signal) {
  const cards = answer.hits.map((hit) => hitCard(hit, signal));
  if (!state.q.trim()) return cards;
  const datasets = answer.hits.filter((hit) => hit.kind !== "job");
  feedback(
    answer.query_id,
    datasets.map((hit) => ({ kind: "impression", id: hit.id })),
  );
  for (const [at, card] of cards.entries()) {
    if (answer.hits[at].kind === "job") continue;
    const opened = (event) => {
      if (event.target.closest("a") !== null) feedback(answer.query_id, [{ kind: "click", id: answer.hits[at].id }]);
    };
    card.addEventListener("click", opened);
    card.addEventListener("auxclick", opened);
  }
  return cards;
}

function summary(answer) {
  const how = answer.mode === "hybrid" ? "by words and meaning" : "by words";
  return make("p", { class: "summary" }, make("strong", {}, counted(answer.total, "match", "matches")), ` ${how}`);
}

function notices(answer, state) {
  const read = answer.understood.corrections.map((one) => `“${one.word}” as “${one.read_as}”`);
  const out = read.length ? [notice(`Read ${read.join(", ")}.`)] : [];
  for (const code of answer.degraded) {
    const known = Object.hasOwn(LACKS, code) ? LACKS[code] : `Something was missing: ${code}.`;
    out.push(notice(`${known} ${Math.floor(answer.coverage * 100)} % of the texts have their vector.`, "warning"));
  }
  if (!answer.hits.length) {
    const text = state.filters.length ? "Nothing matches with these filters." : "Nothing matches.";
    out.push(notice(`${text} Try other words, fewer filters, or a part of a table's name.`));
  } else if (state.q && answer.answerable < UNLIKELY) {
    out.push(notice("Probably nothing here answers this. These are the nearest.", "warning"));
  }
  return out;
}

function hitCard(hit, signal) {
  const column = hit.kind === "column" ? hit.name : undefined;
  const name = foreign(hit.name, { class: "name" });
  return make(
    "li",
    { class: "card hit" },
    make(
      "h2",
      {},
      make("a", { href: hit.kind === "job" ? jobLink(hit.id) : assetLink(hit.asset, column) }, name),
      " ",
      kindBadge(hit.kind, hit.listed || hit.kind === "column"),
      " ",
      statusMark(hit.status),
    ),
    make("p", { class: "path" }, foreign(hit.qualified_name), make("span", { class: "at" }, foreign(hit.source))),
    hit.description ? foreign(hit.description, { class: "words clamp" }, "p") : null,
    hit.kind === "job" ? jobFacts(hit, signal) : null,
    column === undefined ? matched(hit) : null,
    chips(hit.tags, "Tags"),
    hit.owners.length ? make("p", { class: "small" }, "Owned by ", ...joined(hit.owners)) : null,
    reasons(hit),
  );
}

function joined(names) {
  return names.flatMap((name, at) => (at ? [", ", foreign(name)] : [foreign(name)]));
}

function matched(hit) {
  if (!hit.columns.length) return null;
  const links = hit.columns.map((name) =>
    make("li", {}, make("a", { href: assetLink(hit.asset, name) }, foreign(name, {}, "code"))),
  );
  return make(
    "div",
    { class: "matched" },
    make("span", { class: "small" }, "Columns that match"),
    make("ul", { class: "chips" }, ...links),
  );
}

/** Why the hit stands where it stands; the contributions add up to the score. */
function reasons(hit) {
  if (!hit.why.length) return null;
  const most = Math.max(...hit.why.map((reason) => Math.abs(reason.contribution)), Number.EPSILON);
  const items = hit.why.map((reason) => {
    const against = reason.contribution < 0;
    const figure = `${against ? "−" : "+"}${Math.abs(reason.contribution).toFixed(2)}`;
    const bar = make("span", { class: `bar ${against ? "against" : ""}`.trim(), "aria-hidden": "true" });
    bar.style.inlineSize = `${(3 * Math.abs(reason.contribution)) / most}rem`;
    const cells = [make("span", { class: "figure", dir: "ltr" }, figure), make("span", { class: "bars" }, bar)];
    return make("li", {}, ...cells, foreign(reason.text, { class: "reason" }));
  });
  const first = hit.why
    .slice(0, REASONS_SHOWN)
    .flatMap((reason, at) => (at ? [" · ", foreign(reason.text)] : [foreign(reason.text)]));
  const head = make("summary", {}, "Why", make("span", { class: "first" }, ": ", ...first));
  return make(
    "details",
    { class: "why" },
    head,
    make("ul", {}, ...items),
    make("p", { class: "small" }, `Score ${hit.score.toFixed(3)}`),
  );
}

function chosenFilters(state) {
  if (!state.filters.length) return [];
  const links = state.filters.map(([field, value]) => {
    const href = query(state.q, toggled(state.filters, field, value));
    const label = `Remove the filter ${field}: ${value}`;
    return make(
      "li",
      {},
      make(
        "a",
        { href, "aria-label": label },
        `${field}: `,
        foreign(shown(field, value)),
        make("span", { "aria-hidden": "true" }, " ×"),
      ),
    );
  });
  return [make("ul", { class: "chips chosen", "aria-label": "Filters in use" }, ...links)];
}

function facetPanel(answer, state) {
  const groups = FILTERS.map((field) => facet(field, valuesOf(answer, state, field), state)).filter(
    (group) => group !== null,
  );
  const panel = make("details", { class: "facets" }, make("summary", {}, "Filters"), ...groups);
  panel.open = window.matchMedia("(min-width: 56rem)").matches;
  return panel;
}

/** The counted values of a field, those that are chosen and match nothing any more, and columns, which are asked for apart. */
function valuesOf(answer, state, field) {
  const counts = new Map(Object.entries(answer.facets[field] ?? {}));
  for (const [name, value] of state.filters) {
    const spelled = [...counts.keys()].some((known) => known.toLowerCase() === value.toLowerCase());
    if (name === field && !spelled) counts.set(value, 0);
  }
  if (field === "kind" && !counts.has("column")) counts.set("column", null);
  return [...counts];
}

function facet(field, values, state) {
  const chosen = state.filters.filter(([name]) => name === field).map(([, value]) => value);
  if (!chosen.length && values.length < 2) return null;
  const items = values.map(([value, matches]) => facetValue(field, value, matches, chosen, state));
  const list = make("ul", {}, ...items);
  const hidden = items.slice(VALUES_SHOWN).filter((item) => item.querySelector("[aria-current]") === null);
  for (const item of hidden) item.hidden = true;
  const all = hidden.length ? make("button", { type: "button", class: "plain small" }, `${hidden.length} more`) : null;
  all?.addEventListener("click", () => {
    for (const item of hidden) item.hidden = false;
    hidden[0].querySelector("a").focus();
    all.remove();
  });
  return make("section", {}, make("h2", {}, field), list, all);
}

function facetValue(field, value, matches, chosen, state) {
  const spelled = chosen.find((one) => one.toLowerCase() === value.toLowerCase());
  const href = query(state.q, toggled(state.filters, field, spelled ?? value));
  const figure = matches === null ? null : make("span", { class: "figure" }, count(matches));
  return make(
    "li",
    {},
    make("a", { href, "aria-current": spelled !== undefined && "true" }, foreign(shown(field, value)), figure),
  );
}

function shown(field, value) {
  return field === "kind" ? kindName(value) : value;
}
