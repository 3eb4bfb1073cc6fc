/** A description rewritten where it stands: `PATCH` names the version that was read, and a refusal is said plainly. */

import { announce, foreign, make, notice } from "./dom.js";

const MAX_CHARS = 20_000;
const REFUSALS = {
  401: "Not saved: the catalog asks for a token.",
  412: "Not saved: somebody changed this in the meantime. Your text is still here.",
};

/**
 * @param {object} subject
 * @param {string} subject.name what is described, for those who hear the page.
 * @param {() => {text: string|null, curated: boolean, source: string|null}} subject.now what it says, whether a person
 *     wrote it, and what the source says where a person's words cover it.
 * @param {(text: string|null) => Promise<void>} subject.save null takes people's word back.
 * @param {() => Promise<void>} subject.reload reads the asset again, so that `now` and the next `save` are up to date.
 * @returns {HTMLElement}
 */
export function describable(subject) {
  const place = make("div", { class: "describable" });
  showText(place, subject);
  return place;
}

function showText(place, subject) {
  const { text, curated, source } = subject.now();
  const edit = make(
    "button",
    { type: "button", class: "plain small edit", "aria-label": `Edit the description of ${subject.name}` },
    text ? "Edit" : "Describe",
  );
  edit.addEventListener("click", () => showForm(place, subject));
  const words = text ? foreign(text, { class: "words" }, "p") : null;
  const mark = curated
    ? make("span", { class: "badge", title: "Written by a person; crawls leave it as it is" }, "curated")
    : null;
  const covered = source && source !== text ? make("p", { class: "small" }, "The source says: ", foreign(source)) : null;
  place.replaceChildren(...[words, covered, make("p", { class: "tools" }, mark, edit)].filter((part) => part !== null));
}

function showForm(place, subject) {
  const { text, curated } = subject.now();
  const area = make("textarea", {
    dir: "auto",
    rows: 3,
    maxlength: MAX_CHARS,
    "aria-label": `Description of ${subject.name}`,
  });
  area.value = text ?? "";
  const said = make("div", { role: "alert" });
  const save = make("button", { type: "submit" }, "Save");
  const cancel = make("button", { type: "button", class: "plain" }, "Cancel");
  const hint = curated ? make("p", { class: "small" }, "Empty shows the source’s own words again.") : null;
  const form = make("form", { class: "editor" }, area, hint, make("div", { class: "buttons" }, save, cancel), said);
  const done = (word) => {
    showText(place, subject);
    place.querySelector(".edit").focus();
    announce(word);
  };
  cancel.addEventListener("click", () => done("Not changed"));
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") done("Not changed");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    save.disabled = true;
    try {
      await subject.save(area.value.trim() || null);
      done("Saved");
    } catch (error) {
      save.disabled = false;
      said.replaceChildren(...refusal(error, subject, said));
    }
  });
  place.replaceChildren(form);
  area.focus();
}

function refusal(error, subject, said) {
  const told = notice(REFUSALS[error.status] ?? `Not saved: ${error.message}`, "problem");
  if (error.status !== 412) return [told];
  const again = make("button", { type: "button" }, "Read it again");
  again.addEventListener("click", async () => {
    try {
      await subject.reload();
      const { text } = subject.now();
      const now = text ? ["By now it says: ", foreign(text)] : ["By now it says nothing."];
      said.replaceChildren(make("p", { class: "notice" }, ...now, " Save puts your text in its place."));
    } catch (problem) {
      said.replaceChildren(notice(problem.message, "problem"));
    }
  });
  return [told, again];
}
