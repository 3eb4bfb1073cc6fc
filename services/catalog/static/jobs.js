/** Jobs beside hits, tables and edges: how the last run went, what a job reads and what it writes, with a link to its page. */

import { job, jobsOf } from "./api.js";
import { assetLink, count, foreign, jobLink, make, time } from "./dom.js";

const SHOWN = 8;
/** What is said of a run before its time. */
export const STATES = {
  START: "began",
  RUNNING: "running since",
  COMPLETE: "completed",
  ABORT: "aborted",
  FAIL: "failed",
  OTHER: "last heard of",
};
const asked = new Map();

/** A place that is filled when the answer comes; what may not be seen, or is gone, leaves it empty. */
export function jobFacts(hit, signal) {
  const place = make("div", { class: "job", "aria-busy": "true" });
  fill(place, hit, signal);
  return place;
}

async function fill(place, hit, signal) {
  try {
    const found = (await job(hit.id, signal)).job;
    place.append(lastRun(found.latest_run), side("Reads", found.inputs), side("Writes", found.outputs));
  } catch (error) {
    if (error.name !== "AbortError") place.append(make("p", { class: "small" }, "Its runs cannot be shown now."));
  } finally {
    place.removeAttribute("aria-busy");
  }
}

/** One line on a run; null where there was none. */
export function lastRun(run) {
  if (run === null) return make("p", { class: "small" }, "No run is known.");
  return make("p", { class: "small" }, `Last run ${STATES[run.state]} `, time(run.ended_at ?? run.started_at));
}

function side(label, names) {
  const links = names.slice(0, SHOWN).flatMap((one, at) => {
    const link = make("a", { href: assetLink(one.id) }, foreign(one.qualified_name));
    return at ? [", ", link] : [link];
  });
  const more = names.length > SHOWN ? ` and ${count(names.length - SHOWN)} more` : "";
  return make("p", { class: "small" }, `${label} `, ...(links.length ? links : ["nothing"]), more);
}

/** The section of an asset's page with the jobs that read or write it; it stays away where there are none. */
export function jobsSection(asset, signal) {
  const section = make("section", { class: "jobs", hidden: true }, make("h2", {}, "Jobs"));
  asked.clear(); // a page asks anew, and its edges share the answer
  list(section, asset, signal);
  return section;
}

async function list(section, asset, signal) {
  try {
    const page = await known(asset.id, signal);
    if (!page.jobs.length) return;
    const items = page.jobs.slice(0, SHOWN).map((one) => jobItem(one, asset.id));
    const left = page.total - items.length;
    section.append(make("ul", { class: "plain-list" }, ...items));
    if (left > 0) section.append(make("p", { class: "small" }, `${count(left)} more are not shown.`));
    section.hidden = false;
  } catch {
    // a bundle has no jobs, and a service that does not answer says so where lineage stands
  }
}

function jobItem(one, id) {
  const does = [one.inputs.some((it) => it.id === id) ? "reads it" : null, one.outputs.some((it) => it.id === id) ? "writes it" : null];
  return make(
    "li",
    {},
    jobAnchor(one),
    make("p", { class: "small" }, does.filter(Boolean).join(" · ")),
    lastRun(one.latest_run),
  );
}

function jobAnchor(one) {
  return make("a", { href: jobLink(one.id), title: one.namespace }, foreign(one.name, { class: "name" }));
}

/** A line with the jobs that an edge between two datasets rests on; empty where none is known, or may be seen. */
export function jobsBetween(source, target) {
  const line = make("p", { class: "small" });
  name(line, source, target);
  return line;
}

async function name(line, source, target) {
  try {
    const found = (await known(target)).jobs.filter(
      (one) => one.inputs.some((it) => it.id === source) && one.outputs.some((it) => it.id === target),
    );
    const links = found.slice(0, 3).flatMap((one, at) => (at ? [", ", jobAnchor(one)] : ["by ", jobAnchor(one)]));
    line.append(...links, found.length > 3 ? ` and ${count(found.length - 3)} more` : "");
  } catch {
    // what the edge rests on is said in words already
  }
}

/** The jobs of a dataset, asked for once a page. */
function known(id, signal) {
  if (!asked.has(id)) {
    const answer = jobsOf(id, signal);
    asked.set(id, answer);
    answer.catch(() => asked.delete(id));
  }
  return asked.get(id);
}
