/**
 * `<headwater-search>`: the catalog's search box for a page of somebody else's, and the combobox that the portal shares.
 *
 * Journey 2, seen from a host page: what is typed goes to `GET /api/v1/search`, what is chosen comes back as an event.
 * The text of answers becomes text nodes only; styles are one constructed sheet, so a strict policy of the host holds.
 */

const DEBOUNCE_MS = 100;
const DEFAULT_LIMIT = 8;
const MAX_LIMIT = 50;
/** Below this `answerable`, hits are shown with a doubt; the same as the command line's. */
export const UNLIKELY = 0.15;
const CATALOG = new URL("..", import.meta.url).href;
let boxes = 0;

/**
 * An element made of literals: no markup is ever parsed.
 *
 * @param {string} tag
 * @param {Object<string, any>} attributes null, undefined and false are left out, true is an empty text.
 * @param {...(Node|string|null|false|undefined)} children texts become text nodes.
 * @returns {HTMLElement}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/**
 * A text of the warehouse without the characters that would make it look like another one: controls, and those that turn
 * the direction of what follows, become their escapes. Copies are made from the text itself.
 */
export function visible(text) {
  const escaped = (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, escaped);
}

/** How a kind is called by people: `materialized_view` becomes `materialized view`. */
export function kindName(kind) {
  return String(kind ?? "unknown").replaceAll("_", " ");
}

/**
 * A text box with a list of options below it, after the WAI-ARIA combobox pattern: the box keeps the focus, arrows move,
 * Enter chooses, Escape closes and then clears. Answers that came too late are dropped.
 */
export class Combobox {
  #parts;
  #items = [];
  #active = -1;
  #timer = 0;
  #running = null;

  /**
   * @param {object} parts
   * @param {HTMLInputElement} parts.input
   * @param {HTMLElement} parts.list becomes the listbox; must be in the same tree as the input.
   * @param {HTMLElement} parts.panel what is shown and hidden, the list or something around it.
   * @param {HTMLElement} parts.status a live region that says how many options there are.
   * @param {(text: string, signal: AbortSignal) => Promise<{items: any[], said: string, open?: boolean}>} parts.find never
   *     rejects; `open` shows the panel without options too, since it has something else to say.
   * @param {(item: any) => Node[]} parts.draw what an option shows.
   * @param {(item: any, event: Event) => void} parts.choose
   * @param {(text: string) => void} [parts.submit] Enter without an option.
   */
  constructor(parts) {
    this.#parts = parts;
    const { input, list } = parts;
    list.id ||= `headwater-options-${(boxes += 1)}`;
    list.setAttribute("role", "listbox");
    const roles = { role: "combobox", "aria-autocomplete": "list", "aria-controls": list.id, "aria-expanded": "false" };
    for (const [name, value] of Object.entries(roles)) input.setAttribute(name, value);
    input.addEventListener("input", () => this.#later());
    input.addEventListener("keydown", (event) => this.#key(event));
    input.addEventListener("blur", () => this.stop());
    // the box keeps the focus while an option is pressed
    parts.panel.addEventListener("pointerdown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => this.#click(event));
    parts.panel.hidden = true;
  }

  /** Hand on what stands in the box, as Enter without an option does. */
  submit() {
    this.stop();
    this.#parts.submit?.(this.#parts.input.value);
  }

  /** Close the list and forget what was on its way. */
  stop() {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#show(false);
  }

  #later() {
    this.stop();
    if (this.#parts.input.value.trim()) this.#timer = setTimeout(() => this.#find(), DEBOUNCE_MS);
    else this.#parts.status.textContent = "";
  }

  async #find() {
    const running = new AbortController();
    this.#running = running;
    const found = await this.#parts.find(this.#parts.input.value, running.signal);
    if (running.signal.aborted) return;
    const { list, status, draw } = this.#parts;
    this.#items = found.items;
    list.replaceChildren(
      ...found.items.map((item, at) =>
        make("li", { id: `${list.id}-${at}`, role: "option", part: "option", "aria-selected": "false" }, ...draw(item)),
      ),
    );
    status.textContent = found.said;
    this.#show(found.items.length > 0 || found.open === true);
  }

  #show(open) {
    this.#move(-1);
    this.#parts.panel.hidden = !open;
    this.#parts.input.setAttribute("aria-expanded", String(open));
  }

  #move(to) {
    const { input, list } = this.#parts;
    list.children[this.#active]?.setAttribute("aria-selected", "false");
    this.#active = to;
    const option = list.children[to];
    if (option === undefined) {
      input.removeAttribute("aria-activedescendant");
      return;
    }
    option.setAttribute("aria-selected", "true");
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    if (event.isComposing) return;
    const open = !this.#parts.panel.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (open) this.#step(event.key === "ArrowDown" ? 1 : -1);
      else if (this.#parts.input.value.trim()) this.#find();
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#enter(event, open);
    } else if (event.key === "Escape" && (open || this.#parts.input.value)) {
      event.preventDefault();
      if (!open) this.#parts.input.value = "";
      this.stop();
    }
  }

  /** One further, round and round, with the box itself between the last option and the first. */
  #step(by) {
    const places = this.#items.length + 1;
    this.#move(((this.#active + 1 + by + places) % places) - 1);
  }

  #enter(event, open) {
    const chosen = open ? this.#items[this.#active] : undefined;
    if (chosen === undefined) {
      if (this.#parts.submit !== undefined) this.submit();
      return;
    }
    this.stop();
    this.#parts.choose(chosen, event);
  }

  #click(event) {
    const option = event.target.closest("[role=option]");
    const chosen = this.#items[[...this.#parts.list.children].indexOf(option)];
    if (chosen === undefined) return;
    this.stop();
    this.#parts.choose(chosen, event);
  }
}

const DARK = `
  --_accent: var(--headwater-accent, #6cd0e2); --_background: var(--headwater-background, #172229);
  --_text: var(--headwater-text, #e6eef2); --_muted: var(--headwater-muted, #a4b5bf);
  --_border: var(--headwater-border, #4d616d); --_active: var(--headwater-active, #12343c); color-scheme: dark;`;
const STYLE = `
:host {
  --_accent: var(--headwater-accent, #00677a); --_background: var(--headwater-background, #ffffff);
  --_text: var(--headwater-text, #16232b); --_muted: var(--headwater-muted, #4f5f69);
  --_border: var(--headwater-border, #87969f); --_active: var(--headwater-active, #e0f1f4); color-scheme: light;
  display: block; position: relative; min-inline-size: 12rem; color: var(--_text);
  font: var(--headwater-font, 1rem/1.4 system-ui, sans-serif); text-align: start;
}
:host([hidden]), [hidden] { display: none !important; }
:host([theme="dark"]) { ${DARK} }
@media (prefers-color-scheme: dark) { :host(:not([theme="light"], [theme="dark"])) { ${DARK} } }
* { box-sizing: border-box; }
input {
  inline-size: 100%; padding: 0.55em 0.8em; font: inherit; color: inherit; background: var(--_background);
  border: 1px solid var(--_border); border-radius: var(--headwater-radius, 0.5rem);
}
input::placeholder { color: var(--_muted); opacity: 1; }
input:focus-visible { outline: 2px solid var(--_accent); outline-offset: 1px; }
.panel {
  position: absolute; z-index: var(--headwater-layer, 1000); inset-block-start: calc(100% + 0.3rem); inset-inline: 0;
  max-block-size: var(--headwater-height, min(28rem, 70vh)); overflow-y: auto; background: var(--_background);
  border: 1px solid var(--_border); border-radius: var(--headwater-radius, 0.5rem);
  box-shadow: 0 0.6rem 2rem rgb(0 0 0 / 0.22);
}
ul { list-style: none; margin: 0; padding: 0.3rem; }
li { padding: 0.45rem 0.6rem; border-radius: calc(var(--headwater-radius, 0.5rem) - 0.15rem); cursor: pointer; }
li:hover { background: color-mix(in srgb, var(--_active) 50%, transparent); }
li[aria-selected="true"] { background: var(--_active); outline: 2px solid var(--_accent); outline-offset: -2px; }
.name { font-weight: 600; overflow-wrap: anywhere; }
.kind { font-size: 0.75em; color: var(--_muted); margin-inline-start: 0.5em; }
.kind.deprecated, .kind.warned { font-weight: 600; color: var(--_text); }
.path, .words {
  display: block; font-size: 0.82em; color: var(--_muted);
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
}
.note { margin: 0; padding: 0.6rem 0.9rem; font-size: 0.85em; color: var(--_muted); }
.note + ul:not(:empty) { border-block-start: 1px solid var(--_border); }
.quiet {
  position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
@media (forced-colors: active) { li[aria-selected="true"] { outline-color: Highlight; } }
`;

/** What the catalog's answer means for a person: a doubt, a lack, or nothing. */
function noteOf(answer) {
  // a catalog of an earlier version tells no corrections
  const read = (answer.understood?.corrections ?? []).map((one) => `“${one.word}” as “${one.read_as}”`);
  return [read.length ? `Read ${read.join(", ")}.` : "", doubtOf(answer)].filter(Boolean).join(" ");
}

function doubtOf(answer) {
  if (!answer.hits.length) return "Nothing found.";
  if (answer.answerable < UNLIKELY) return "Probably nothing here answers this. The nearest are:";
  return answer.mode === "lexical" ? "Answered by words only; meaning is not available." : "";
}

/**
 * The search box as an element.
 *
 * Attributes: `base` (the catalog's address; where this file came from unless given), `theme` (auto, light, dark),
 * `placeholder`, `label`, `limit` (1 to 50), `target` (opens what is chosen in the portal, in this browsing context).
 * Property: `tokenProvider`, a function that promises a token; it is asked again once when the catalog refuses one.
 * Event: `headwater-select`, composed, bubbling and cancelable; `detail` is the hit as the API answers it.
 */
export class HeadwaterSearch extends HTMLElement {
  static observedAttributes = ["placeholder", "label"];
  /** @type {null | (() => Promise<string>)} a host may have set it before this file arrived */
  tokenProvider = this.tokenProvider ?? null;
  #input = make("input", { type: "text", part: "input", autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  #answer = null;
  #note = make("p", { class: "note", part: "note", hidden: true });
  #list = make("ul", { part: "list", "aria-label": "Found in the catalog" });

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    root.adoptedStyleSheets = [sheet];
    const panel = make("div", { class: "panel", part: "panel" }, this.#note, this.#list);
    const status = make("div", { class: "quiet", role: "status" });
    root.append(this.#input, panel, status);
    new Combobox({
      input: this.#input,
      list: this.#list,
      panel,
      status,
      find: (text, signal) => this.#find(text, signal),
      draw,
      choose: (hit, event) => this.#choose(hit, event),
    });
    this.attributeChangedCallback();
  }

  /** Keep the box's texts as the attributes say. */
  attributeChangedCallback() {
    const text = this.getAttribute("placeholder") ?? "Search the data catalog";
    this.#input.placeholder = text;
    this.#input.setAttribute("aria-label", this.getAttribute("label") ?? text);
  }

  /** What stands in the box. */
  get value() {
    return this.#input.value;
  }

  set value(text) {
    this.#input.value = text;
  }

  get #base() {
    return new URL(`${(this.getAttribute("base") ?? CATALOG).replace(/\/+$/, "")}/`, document.baseURI);
  }

  async #find(text, signal) {
    try {
      const found = await this.#ask(text, signal);
      // the page around it is told which dataset was chosen
      const answer = { ...found, hits: found.hits.filter((hit) => hit.kind !== "job") };
      this.#answer = answer;
      this.#say(noteOf(answer));
      return {
        items: answer.hits,
        said: `${answer.hits.length} of ${answer.total} shown. ${this.#note.textContent}`,
        open: true,
      };
    } catch (error) {
      if (signal.aborted) return { items: [], said: "" };
      this.#say(error instanceof Refused ? error.message : "The catalog does not answer.");
      return { items: [], said: this.#note.textContent, open: true };
    }
  }

  async #ask(text, signal) {
    const limit = Math.min(Math.max(Number.parseInt(this.getAttribute("limit") ?? "", 10) || DEFAULT_LIMIT, 1), MAX_LIMIT);
    const url = new URL("api/v1/search", this.#base);
    url.search = String(new URLSearchParams({ q: text, limit: String(limit) }));
    let response = await this.#fetch(url, signal);
    if (response.status === 401 && this.tokenProvider) response = await this.#fetch(url, signal);
    if (response.ok) return response.json();
    if (response.status === 401) throw new Refused("The catalog asks for a token.");
    throw new Refused((await response.json()).detail ?? `The catalog answered ${response.status}.`);
  }

  async #fetch(url, signal, more = {}) {
    const token = await this.tokenProvider?.();
    const headers = { ...more.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    return fetch(url, { signal, ...more, headers, credentials: "omit", referrerPolicy: "no-referrer" });
  }

  /** Tell the catalog what was shown and which of it was chosen; answers to half-typed words, of which nothing is, are not told. */
  async #tell(hit) {
    const { query_id, hits } = this.#answer ?? { hits: [] };
    if (!hits.includes(hit)) return;
    const events = [...hits.map(({ id }) => ({ kind: "impression", id })), { kind: "click", id: hit.id }];
    const headers = { "Content-Type": "application/json" };
    const more = { method: "POST", headers, body: JSON.stringify({ query_id, events }), keepalive: true };
    await this.#fetch(new URL("api/v1/feedback", this.#base), undefined, more).catch(() => {});
  }

  #say(text) {
    this.#note.textContent = text;
    this.#note.hidden = !text;
  }

  #choose(hit, event) {
    const told = new CustomEvent("headwater-select", { bubbles: true, composed: true, cancelable: true, detail: hit });
    this.#tell(hit).catch(() => {});
    const wanted = this.dispatchEvent(told);
    const target = event.ctrlKey || event.metaKey ? "_blank" : this.getAttribute("target");
    if (!wanted || target === null || !this.hasAttribute("target")) return;
    window.open(new URL(`#/asset/${encodeURIComponent(hit.asset)}`, this.#base), target || "_self", "noreferrer");
  }
}

class Refused extends Error {}

function draw(hit) {
  const mark = hit.status ? make("span", { class: `kind ${hit.status}` }, hit.status) : null;
  return [
    make("bdi", { class: "name" }, visible(hit.name)),
    make("span", { class: "kind" }, kindName(hit.kind)),
    ...(mark ? [mark] : []),
    make("span", { class: "path", dir: "auto" }, visible(hit.qualified_name)),
    ...(hit.description ? [make("span", { class: "words", dir: "auto" }, visible(hit.description))] : []),
  ];
}

if (!customElements.get("headwater-search")) customElements.define("headwater-search", HeadwaterSearch);
