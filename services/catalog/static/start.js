/** The page before a question: what was crawled and when, and where there is the sample warehouse, what to ask it. */

import { sources } from "./api.js";
import { count, foreign, kindName, make, notice, time } from "./dom.js";
import { query } from "./state.js";

/** The namespace of the sample warehouse wherever it was built, and the questions that `headwater demo` prints. */
const DEMO = "duckdb:///headwater-demo/retail.duckdb";
const QUESTIONS = [
  "which table has monthly revenue per customer?",
  "how many hours did each employee work?",
  "what did we spend on ads per channel?",
];
const STATES = {
  complete: "crawled",
  partial: "crawled in part",
  failed: "crawl failed",
  running: "being crawled since",
  requested: "crawl asked for",
};

/** Draw the start page into `place`. */
export async function showStart(place) {
  const known = await sources();
  const parts = [
    make("h1", {}, "Which data do you need?"),
    make("p", { class: "lead" }, "Ask in words, or type a part of a table’s name."),
  ];
  if (known.some((source) => source.namespace === DEMO)) parts.push(samples());
  if (known.length) parts.push(make("h2", {}, "Sources"), make("ul", { class: "sources" }, ...known.map(sourceCard)));
  else parts.push(nothingYet());
  place.replaceChildren(...parts);
}

function samples() {
  const links = QUESTIONS.map((question) => make("li", {}, make("a", { href: query(question, []) }, question)));
  return make("div", { class: "samples" }, make("h2", {}, "Questions to begin with"), make("ul", {}, ...links));
}

function nothingYet() {
  const text = "There is nothing here that you can see. An empty catalog is filled with ";
  return make("p", { class: "notice" }, text, make("code", {}, "headwater crawl URL"), ".");
}

function sourceCard(source) {
  const counts = Object.entries(source.counts).map(
    ([kind, number]) => `${count(number)} ${kindName(kind)}${number === 1 ? "" : "s"}`,
  );
  const href = query("", [["source", source.name]]);
  return make(
    "li",
    { class: "card source" },
    make(
      "h3",
      {},
      make("a", { href }, foreign(source.name)),
      " ",
      make("span", { class: "badge" }, foreign(source.platform)),
    ),
    // a source that was never named is called by its namespace
    source.namespace === source.name ? null : make("p", { class: "path" }, foreign(source.namespace)),
    make("p", {}, counts.join(" · ") || "nothing in it yet"),
    make("p", { class: "small" }, ...lastCrawl(source.last_crawl)),
    source.last_crawl?.failures.length
      ? notice(`${source.last_crawl.failures.length} could not be read: ${source.last_crawl.failures[0]}`, "warning")
      : null,
  );
}

function lastCrawl(crawl) {
  if (crawl === null) return ["never crawled"];
  const told = Object.hasOwn(STATES, crawl.state) ? STATES[crawl.state] : crawl.state;
  return [`${told} `, time(crawl.ended_at ?? crawl.started_at ?? crawl.requested_at)];
}
