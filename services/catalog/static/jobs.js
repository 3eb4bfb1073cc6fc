/** A job among the hits: how its last run went, what it reads and what it writes. A job has no page of its own. */

import { job } from "./api.js";
import { assetLink, count, foreign, make, time } from "./dom.js";

const SHOWN = 8;
const STATES = {
  START: "began",
  RUNNING: "running since",
  COMPLETE: "completed",
  ABORT: "aborted",
  FAIL: "failed",
  OTHER: "last heard of",
};

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

function lastRun(run) {
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
