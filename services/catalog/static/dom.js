/** What every part of the portal draws with: elements, and figures and times as people read them. */

import { kindName, make, visible } from "../widget/headwater.js";

export { kindName, make, visible };

const COUNT = new Intl.NumberFormat("en");
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const WHEN = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const STEPS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const BYTES = ["bytes", "kB", "MB", "GB", "TB", "PB"];

/** A whole number with separators. */
export function count(number) {
  return COUNT.format(number);
}

/** A count with its noun; `more` is the plural where an s is not enough. */
export function counted(number, noun, more = `${noun}s`) {
  return `${count(number)} ${number === 1 ? noun : more}`;
}

/** Bytes in the largest decimal unit that leaves a figure of one or more. */
export function size(bytes) {
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), BYTES.length - 1);
  return `${(bytes / 1000 ** step).toLocaleString("en", { maximumFractionDigits: step ? 1 : 0 })} ${BYTES[step]}`;
}

/** A time as an element: how long ago, with the date and the time of day on it. */
export function time(text) {
  const at = new Date(text);
  const seconds = (at - Date.now()) / 1000;
  const [unit, length] = STEPS.find(([, one]) => Math.abs(seconds) >= one) ?? ["second", 1];
  const ago = unit === "second" ? "just now" : RELATIVE.format(Math.round(seconds / length), unit);
  return make("time", { datetime: at.toISOString(), title: WHEN.format(at) }, ago);
}

/**
 * A name or another text of the warehouse: isolated, so that its direction turns nothing around it. Where it is too long for
 * its line it breaks between its words, behind `_`, `.`, `-` and `/`; only a word that is too long alone breaks inside.
 */
export function foreign(text, attributes = {}, tag = "bdi") {
  const words = visible(text).split(/(?<=[_.\/-])(?=\p{L})|(?<=_)(?=\p{N})/u);
  return make(tag, { dir: "auto", ...attributes }, ...words.flatMap((word, at) => (at ? [make("wbr"), word] : [word])));
}

/** A badge of what an asset is; of one that no crawl has shown, that events alone tell of it: what it is they do not say. */
export function kindBadge(kind, listed = true) {
  if (listed) return make("span", { class: "badge" }, kindName(kind));
  return make("span", { class: "badge", title: "No crawl has shown it" }, "known from events only");
}

/** A mark of what people say of it; null where nobody said anything. */
export function statusMark(status) {
  return status ? make("span", { class: `badge ${status}` }, status) : null;
}

/** Where an asset's page is, with one of its columns pointed at. */
export function assetLink(id, column) {
  return `#/asset/${encodeURIComponent(id)}${column === undefined ? "" : `/${encodeURIComponent(column)}`}`;
}

/** Where a job's page is, with one of its runs pointed at. */
export function jobLink(id, run) {
  return `#/job/${encodeURIComponent(id)}${run === undefined ? "" : `/${encodeURIComponent(run)}`}`;
}

/** A length of time in the unit that a person would say it in. */
export function duration(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 1) return `${count(milliseconds)} ms`;
  if (seconds < 60) return `${seconds.toLocaleString("en", { maximumFractionDigits: 1 })} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${count(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

/** A dataset of an answer: a link where the catalog has a page of it, else its name. */
export function datasetName(node, attributes = {}) {
  const name = foreign(node.qualified_name, attributes);
  return (node.listed || node.told) && !node.gone && !node.opaque ? make("a", { href: assetLink(node.asset ?? node.id) }, name) : name;
}

/** A list of chips; null where there are none. */
export function chips(texts, label) {
  const items = texts.map((text) => make("li", {}, foreign(text)));
  return items.length ? make("ul", { class: "chips", "aria-label": label }, ...items) : null;
}

/** A button that copies a text and says that it did. */
export function copyButton(text, label, shown = "Copy") {
  const button = make("button", { type: "button", class: "copy", "aria-label": label, title: label }, shown);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(typeof text === "function" ? text() : text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed"; // the browser's decision, such as on a page without TLS
    }
    announce(button.textContent);
    setTimeout(() => button.replaceChildren(shown), 1500);
  });
  return button;
}

/** Say something to those who hear the page. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

/** What a person is told when an answer did not come; without a token they may give one after all. */
export function failure(error) {
  if (error.status !== 401) return notice(error.message, "problem");
  const again = make("button", { type: "button" }, "Enter a token");
  again.addEventListener("click", () => location.reload());
  return make("div", { class: "tools" }, notice("This catalog asks who you are.", "problem"), again);
}

/** A paragraph that stands out: `warning`, `problem` or plain. */
export function notice(text, tone = "") {
  return make("p", { class: `notice ${tone}`.trim() }, text);
}
