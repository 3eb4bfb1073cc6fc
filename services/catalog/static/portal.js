/** The portal's entry: shows what the address asks for, and wires the search box, its keys and the token dialog. */

import { Combobox } from "../widget/headwater.js";
import { forgetToken, hasToken, onTokenNeeded, suggest } from "./api.js";
import { showAsset, showNoAsset } from "./asset.js";
import { assetLink, counted, failure, foreign, kindBadge, make } from "./dom.js";
import { showJob, showNoJob } from "./job.js";
import { showResults } from "./results.js";
import { showStart } from "./start.js";
import { query, read } from "./state.js";

const box = document.getElementById("q");
const views = Object.fromEntries(["start", "results", "asset", "job"].map((id) => [id, document.getElementById(id)]));
/** What each view shows, so that going back shows it again without asking; scroll places by view. */
const drawn = { start: null, results: null, asset: null, job: null };
const places = { start: 0, results: 0, asset: 0, job: 0 };
let shown = null;
let page = null;
let running = new AbortController();

/** Show what the address asks for. */
async function show() {
  const state = read(location);
  const view = viewOf(state);
  if (shown !== null) places[shown] = window.scrollY;
  running.abort();
  running = new AbortController();
  const { signal } = running;
  box.value = state.q;
  const wanted = { asset: state.asset, job: state.job }[view] ?? state.key;
  const kept = drawn[view] === wanted;
  switchTo(view);
  offerWayBack(view, state.key);
  try {
    if (!kept) await draw(view, state, signal);
    if (signal.aborted) return;
    drawn[view] = wanted;
  } catch (error) {
    if (signal.aborted) return;
    drawn[view] = null;
    if (view === "asset") showNoAsset(views.asset, error);
    else if (view === "job") showNoJob(views.job, error);
    else views[view].replaceChildren(failure(error));
    views[view].removeAttribute("aria-busy");
  }
  document.getElementById("forget").hidden = !hasToken();
  settle(view, state, kept);
}

function viewOf(state) {
  if (state.asset !== null) return "asset";
  if (state.job !== null) return "job";
  return state.key === "./" ? "start" : "results";
}

/** A page of one thing, which lies over the search. */
function isPage(view) {
  return view === "asset" || view === "job";
}

async function draw(view, state, signal) {
  drawn[view] = null;
  if (view === "start") await showStart(views.start);
  else if (view === "results") await showResults(views.results, state, signal);
  else if (view === "job") page = await showJob(views.job, state.job, signal);
  else page = await showAsset(views.asset, state.asset, signal, () => (drawn.results = null));
}

function switchTo(view) {
  for (const [name, element] of Object.entries(views)) element.hidden = name !== view;
  shown = view;
}

/** The way from a page of one thing to the search under it. */
function offerWayBack(view, key) {
  const back = document.getElementById("back");
  back.hidden = !isPage(view);
  back.replaceChildren(make("a", { href: key }, key === "./" ? "Start" : "Results"));
}

/** Title, scroll place and focus, after a view is there. */
function settle(view, state, kept) {
  const is = isPage(view);
  const there = is && drawn[view] !== null;
  const name = there ? page.title : state.q;
  document.title = name ? `${name.slice(0, 80)} · Headwater` : "Headwater";
  const part = view === "job" ? state.run : state.column;
  if (there) page.point(part);
  if (is && !kept) views[view].querySelector("h1")?.focus({ preventScroll: true });
  if (!is || part === null) window.scrollTo(0, kept ? places[view] : 0);
}

function go(address) {
  if (address !== undefined) history.pushState(null, "", address);
  show();
}

const combobox = new Combobox({
  input: box,
  list: document.getElementById("suggestions"),
  panel: document.getElementById("panel"),
  status: document.getElementById("said"),
  find: async (text, signal) => {
    try {
      const items = await suggest(text.trim(), signal);
      return { items, said: `${counted(items.length, "suggestion")}` };
    } catch {
      return { items: [], said: "" }; // the search itself says what is wrong
    }
  },
  draw: (item) => item.asset === null ? [foreign(item.text, { class: "name" })] : [
    foreign(item.text.split(".").at(-1), { class: "name" }),
    make("span", {}, " ", kindBadge(item.kind)),
    foreign(item.text, { class: "path" }, "span"),
  ],
  choose: (item, event) => {
    if (item.asset === null) go(query(item.text, asksAnew() ? [] : read(location).filters));
    else if (event.ctrlKey || event.metaKey) window.open(assetLink(item.asset), "_blank", "noreferrer");
    else go(assetLink(item.asset));
  },
  submit: (text) => go(query(text.trim(), asksAnew() ? [] : read(location).filters)),
});

/** On a page of one thing a question begins anew; on results the filters in use stay. */
function asksAnew() {
  return isPage(viewOf(read(location)));
}

document.getElementById("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  combobox.submit();
});

// links between searches are addresses of this page: shown without loading it again
document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  const href = link?.getAttribute("href") ?? "";
  if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  if (!href.startsWith("?") && href !== "./") return;
  event.preventDefault();
  go(href);
});

document.addEventListener("keydown", (event) => {
  const typing = event.composedPath()[0].closest?.("input, textarea, select, [contenteditable]");
  const wanted =
    (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) ||
    ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k");
  if (!wanted || document.getElementById("token-dialog").open) return;
  event.preventDefault();
  box.focus();
  box.select();
});

onTokenNeeded((why) => {
  const dialog = document.getElementById("token-dialog");
  const given = document.getElementById("token");
  document.getElementById("token-why").textContent = why;
  given.value = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const answer = (token) => {
      closed.abort();
      dialog.close();
      resolve(token);
    };
    const closed = new AbortController();
    const { signal } = closed;
    document.getElementById("token-cancel").addEventListener("click", () => answer(null), { signal });
    dialog.addEventListener("cancel", () => answer(null), { signal });
    document.getElementById("token-form").addEventListener(
      "submit",
      (event) => {
        event.preventDefault();
        const token = given.value.trim();
        if (/^[\x21-\x7e]+$/.test(token)) answer(token);
        else
          document.getElementById("token-why").textContent =
            "A token has letters, digits and signs of ASCII only, without spaces.";
      },
      { signal },
    );
  });
});

document.getElementById("forget").addEventListener("click", () => {
  forgetToken();
  location.reload();
});

history.scrollRestoration = "manual";
window.addEventListener("popstate", () => show());
// on a telephone the focus would bring the keyboard up over the page
if (!asksAnew() && !window.matchMedia("(pointer: coarse)").matches) box.focus();
show();
