// What all labs have in common: a fallback that they replace, a name, and a line that is read aloud.

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
  say(text) {
    this.status.textContent = text;
  }
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
