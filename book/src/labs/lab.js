// What all labs have in common: a fallback that they replace, a name, a line that is read aloud, and the chapters that
// they run.

import { Chapter } from "./chapter.js";

/** What the modules of the chapters are called in a sentence. */
export const TITLES = {
  ch03: "Chapter 3 (the parser)",
  ch04: "Chapter 4 (routing)",
  ch05: "Chapter 5 (middleware)",
  ch06: "Chapter 6 (handlers)",
};

/** Makes an element: `h("button", { type: "button", onclick: f }, "Step")`. */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "value" || key === "disabled" || key === "checked" || key === "selected") element[key] = value;
    else if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined));
  return element;
}

/** A button that does one thing. */
export const button = (text, onclick, properties = {}) =>
  h("button", { type: "button", onclick, ...properties }, text);

/** A label around a field, so that a click on the word finds the field. */
export const label = (text, field) => h("label", {}, text, field);

/** A field for a whole number between two others; anything else becomes the nearest. */
export function number(value, min, max, onchange) {
  const field = h("input", { type: "number", min, max, value: String(value), inputmode: "numeric" });
  field.addEventListener("change", () => {
    const typed = Math.round(Number(field.value));
    const used = Number.isFinite(typed) ? Math.min(max, Math.max(min, typed)) : value;
    field.value = String(used);
    onchange(used);
  });
  return field;
}

/** A choice of `[value, text]`. */
export const choice = (options, onchange) =>
  h("select", { onchange: event => onchange(event.target.value) },
    ...options.map(([value, text]) => h("option", { value }, text)));

/** Lets a button be pressed, or not. A reader who has just pressed it goes on with the other one. */
export function enable(one, can, other) {
  if (!can && document.activeElement === one) {
    other.disabled = false;
    other.focus();
  }
  one.disabled = !can;
}

/** Whether the reader has asked for less motion. */
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** An element that is text without scripts and on paper, and a lab with them. */
export class Lab extends HTMLElement {
  connectedCallback() {
    if (this.body) return;
    const fallback = h("div", { class: "lab-fallback" });
    fallback.append(...this.childNodes);
    this.body = h("div", { class: "lab-body", role: "group", "aria-label": `Lab: ${this.name}` });
    this.status = h("p", { class: "lab-status", role: "status" });
    this.body.append(h("p", { class: "lab-name" }, `Lab: ${this.name}`));
    this.append(fallback, this.body);
    this.chapters = new Map();
    this.classList.add("lab");
    // The arrow keys belong to what has the focus. mdBook would turn the page with them.
    this.body.addEventListener("keydown", event => {
      if (event.key === "ArrowLeft" || event.key === "ArrowRight") event.stopPropagation();
    });
    this.build(this.body);
    this.dataset.live = "";
  }

  disconnectedCallback() {
    this.stop?.();
  }

  /** Says what has just happened, on the page and to a screen reader. */
  say(...text) {
    this.status.replaceChildren(...text);
  }

  /** The lab's own copy of a chapter, such as `ch04`. It is loaded when it is needed first, and not before. */
  chapter(name) {
    if (!this.chapters.has(name)) {
      this.say(`Loading ${TITLES[name]}.`);
      const chapter = load(name).then(loaded => (this.warn(name, loaded.error), loaded));
      // What has failed may be tried again.
      chapter.catch(() => this.chapters.delete(name));
      this.chapters.set(name, chapter);
    }
    return this.chapters.get(name);
  }

  /** Does what needs a chapter, and says why if it cannot be done. */
  async attempt(work) {
    try {
      await work();
    } catch (error) {
      this.say(error.message);
      await this.revive();
    }
  }

  /** Starts the chapters again that have stopped, for the next try. */
  async revive() {
    for (const loading of this.chapters.values()) {
      const chapter = await loading.catch(() => null);
      if (chapter?.hasStopped) await chapter.restart();
    }
  }

  /** Shows what the compiler has said about a chapter that runs as it was before. */
  warn(name, error) {
    if (!error) return;
    this.body.append(h("details", { class: "lab-error" },
      h("summary", {}, `${TITLES[name]} does not compile now. This lab runs the last version that did.`),
      h("pre", { tabindex: "0", "aria-label": "What the compiler prints" }, error)));
  }
}

async function load(name) {
  if (typeof WebAssembly !== "object") {
    throw new Error("This lab runs the code of a chapter as WebAssembly, which this browser does not have or does not allow.");
  }
  return Chapter.load(name);
}

/** Steps by the clock while it plays, never faster than a reader can follow. */
export class Player {
  constructor(step, { every = 900, onchange = () => {} } = {}) {
    Object.assign(this, { step, every, onchange, timer: null });
  }
  get playing() {
    return this.timer !== null;
  }
  toggle() {
    if (this.playing) this.stop();
    else {
      this.timer = setInterval(() => this.step() === false && this.stop(), this.every);
      this.onchange();
    }
  }
  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.onchange();
  }
}
