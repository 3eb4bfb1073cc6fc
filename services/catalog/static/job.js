/** The page of one job: what it reads and writes, and its runs with states, times, lengths and errors. */

import { job } from "./api.js";
import { assetLink, copyButton, count, duration, failure, foreign, jobLink, make, notice, time, visible } from "./dom.js";
import { lastRun } from "./jobs.js";

const PAGE = 25;
const WORDS = { START: "began", RUNNING: "running", COMPLETE: "completed", ABORT: "aborted", FAIL: "failed", OTHER: "heard of" };
const TONES = { COMPLETE: "endorsed", FAIL: "deprecated", ABORT: "warned" };

/**
 * Read a job and draw its page.
 *
 * @param {HTMLElement} place what is drawn into.
 * @param {string} id
 * @param {AbortSignal} signal drops an answer that nobody waits for.
 * @returns {Promise<{title: string, point: (run: string|null) => void}>} `point` marks a run and shows it.
 */
export async function showJob(place, id, signal) {
  place.setAttribute("aria-busy", "true");
  const answer = await job(id, signal, PAGE);
  const one = answer.job;
  const runs = runSection(answer);
  place.replaceChildren(
    head(one),
    make("div", { class: "main" }, ...told(one), runs.section),
    make("aside", {}, facts(one), side("Reads", one.inputs), side("Writes", one.outputs)),
  );
  place.removeAttribute("aria-busy");
  return { title: one.name, point: runs.point };
}

/** The page of an id that leads nowhere, or of an answer that did not come. */
export function showNoJob(place, error) {
  place.removeAttribute("aria-busy");
  const missing = error.status === 404;
  const why = missing ? notice("There is no such job, or you may not see all that it reads and writes.", "problem") : failure(error);
  place.replaceChildren(make("h1", { tabindex: "-1" }, missing ? "Not found" : "No answer"), why);
}

function head(one) {
  return make(
    "header",
    {},
    make("p", { class: "small kicker" }, foreign(one.namespace)),
    make("h1", { tabindex: "-1" }, foreign(one.name)),
    make("div", { class: "marks" }, make("span", { class: "badge" }, "job"), one.type ? make("span", { class: "badge" }, visible(one.type)) : null),
    make("p", { class: "path" }, lastRunWord(one), copyButton(one.name, "Copy the name of the job", "Copy name")),
  );
}

function lastRunWord(one) {
  const line = make("span", {}, ...lastRun(one.latest_run).childNodes);
  line.append(" ");
  return line;
}

function told(one) {
  return one.description ? [make("section", { "aria-label": "Description" }, foreign(one.description, { class: "words" }, "p"))] : [];
}

function facts(one) {
  const rows = [
    ["Namespace", foreign(one.namespace)],
    ["Type", one.type === null ? null : foreign(one.type)],
    ["Known since", time(one.first_seen)],
    ["Last heard of", time(one.last_seen)],
  ].filter(([, value]) => value !== null);
  const list = make("dl", {}, ...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
  return make("section", { "aria-label": "Facts" }, list);
}

function side(label, names) {
  const items = names.map((one) => make("li", {}, make("a", { href: assetLink(one.id) }, foreign(one.qualified_name))));
  const list = items.length ? make("ul", { class: "plain-list" }, ...items) : make("p", { class: "small" }, "Nothing that is known.");
  return make("section", {}, make("h2", {}, label, " ", make("span", { class: "figure" }, count(names.length))), list);
}

function runSection(answer) {
  const body = make("tbody", { role: "rowgroup" });
  const rows = new Map();
  const add = (runs) => {
    for (const run of runs) {
      rows.set(run.id, row(answer.job, run));
      body.append(rows.get(run.id));
    }
  };
  add(answer.runs);
  const heads = ["Run", "State", "Began", "Took", "Error"].map((text) => make("th", { role: "columnheader", scope: "col" }, text));
  const head = make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...heads));
  const table = make("table", { class: "columns runs", role: "table", "aria-labelledby": "runs-title" }, head, body);
  const more = make("p", { class: "more" });
  offerMore(more, answer, add);
  const title = make("h2", { id: "runs-title" }, "Runs ", make("span", { class: "figure" }, count(answer.total)));
  const none = answer.total ? [] : [make("p", { class: "small" }, "No run is known.")];
  table.hidden = !answer.total;
  let pointed = null;
  const point = (id) => {
    pointed?.classList.remove("pointed");
    pointed = rows.get(id) ?? null;
    pointed?.classList.add("pointed");
    pointed?.scrollIntoView({ block: "center" });
  };
  return { section: make("section", {}, title, ...none, table, more), point };
}

function offerMore(more, answer, add) {
  if (answer.cursor === null) return more.replaceChildren();
  const button = make("button", { type: "button" }, "Older runs");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const next = await job(answer.job.id, undefined, PAGE, answer.cursor);
      add(next.runs);
      offerMore(more, next, add);
    } catch (error) {
      button.disabled = false;
      more.replaceChildren(button, notice(error.message, "problem"));
    }
  });
  return more.replaceChildren(button);
}

function row(one, run) {
  const nominal = run.nominal_start ? make("span", { class: "small default" }, "for ", time(run.nominal_start)) : null;
  const cut = run.truncated ? make("span", { class: "small default" }, "too many datasets for edges between them") : null;
  const cells = [
    ["State", [make("span", { class: `badge ${TONES[run.state] ?? ""}` }, WORDS[run.state] ?? visible(run.state)), cut]],
    ["Began", [time(run.started_at), nominal]],
    ["Took", [run.duration_ms === null ? "" : duration(run.duration_ms)]],
    ["Error", [run.error === null ? null : foreign(run.error, { class: "words" }, "span")]],
  ];
  const name = make("a", { href: jobLink(one.id, run.id), class: "run-id" }, foreign(run.id, {}, "code"));
  return make(
    "tr",
    { role: "row" },
    make("th", { role: "rowheader", scope: "row" }, name),
    ...cells.map(([label, inner]) => make("td", { role: "cell", "data-label": label }, ...inner)),
  );
}
