// The router of chapter 4 with the reader's routes.
import { Lab, button, choice, h, label } from "./lab.js";
import { output, request, responses } from "./wire.js";

const START = `GET /users
POST /users
GET /users/me
GET /users/:id<u32>
GET /files/*path
any /inspect`;

/** Routes that the lab takes. The router compares each with every other one, so the time grows with their square. */
const MAX_ROUTES = 500;

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"];
/** A line as it is quoted in a sentence. */
const shortened = line => line.length > 60 ? `${line.slice(0, 60)}…` : line;

const TEXT = { spellcheck: "false", autocapitalize: "off" };

customElements.define("lab-router", class extends Lab {
  name = "routes and a path";

  build(body) {
    this.method = METHODS[0];
    this.routes = h("textarea", { rows: 7, ...TEXT, value: START });
    this.path = h("input", { type: "text", ...TEXT, value: "/users/7" });
    this.outcome = h("ul", { class: "plain", "data-part": "outcome" });
    body.append(
      label("Routes: a method or any, and a pattern, one route in each line.", this.routes),
      h("div", { class: "lab-bar" }, label("Method", choice(METHODS.map(method => [method, method]), method => {
        this.method = method;
      }))),
      label("Path", this.path),
      h("div", { class: "lab-bar" }, button("Find the route", () => this.find())),
      this.status, this.outcome);
    this.path.addEventListener("keydown", event => {
      if (event.key === "Enter") this.find();
    });
    this.say("Press Find the route. The page then loads chapter 4, and its router builds the table.");
  }

  find() {
    this.outcome.replaceChildren();
    return this.attempt(async () => {
      const lines = this.routes.value.split("\n").map(line => line.trim()).filter(line => line);
      const routes = lines.map(line => line.split(/\s+/));
      if (routes.length > MAX_ROUTES) throw new Error(`These are ${routes.length} routes, and this lab takes up to ${MAX_ROUTES}.`);
      const odd = routes.findIndex(route => route.length !== 2);
      if (odd >= 0) throw new Error(`"${shortened(lines[odd])}" is not a method and a pattern with a space between them.`);
      const chapter = await this.chapter("ch04");
      try {
        chapter.lab({ routes });
      } catch (error) {
        throw new Error(`The router rejects these routes: ${error.message}.`);
      }
      const bytes = request(`${this.method} ${this.path.value} HTTP/1.1`);
      this.show(responses(output(chapter.connect([bytes])), [this.method])[0]);
    });
  }

  show({ status, get, body }) {
    const notes = [];
    if (get("allow")) notes.push(`Allow: ${get("allow")}`);
    const content = body.length ? JSON.parse(new TextDecoder().decode(body)) : {};
    for (const [name, value] of content.parameters ?? []) notes.push(`${name} = ${JSON.stringify(value)}`);
    if (content.message) notes.push(content.message);
    this.outcome.replaceChildren(...notes.map(note => h("li", { class: "mono" }, note)));
    const words = {
      204: "The router responds by itself.",
      400: "The parser rejects the request, and the router is not asked.",
      404: "No pattern matches the path.",
      405: "A pattern matches the path, and none of its routes has the method.",
      501: "The server does not know the method.",
    };
    const found = content.pattern ? `The route ${content.pattern} matches.`
      : status === 200 ? "A route matches. The response to HEAD has no body." : words[status] ?? "";
    this.say(`${status}. ${found}`);
  }
});
