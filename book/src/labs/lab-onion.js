// The layers of chapter 5, really nested in the order that the reader chooses.
import { Lab, button, choice, h, label } from "./lab.js";
import { output, request, responses, showLines } from "./wire.js";

/** The layers by their names in the module, in the order of the chapter. Its limit is around one route, inside of all others. */
const LAYERS = {
  "request-id": "request ID",
  "access-log": "access log",
  cors: "CORS",
  compression: "compression",
  "catch-panic": "panic boundary",
  "rate-limit": "rate limit",
};
const ORDER = Object.keys(LAYERS);

const FROM_PAGE = "Origin: http://localhost:3000";
const GET = request("GET / HTTP/1.1", FROM_PAGE, "Accept-Encoding: gzip");

/** Requests, with the number of tokens that the bucket of the rate limit has. */
const REQUESTS = {
  plain: ["a page's script gets a long text", GET],
  preflight: ["its browser asks with a CORS preflight",
    request("OPTIONS / HTTP/1.1", FROM_PAGE, "Access-Control-Request-Method: PUT")],
  limited: ["it gets the text with an empty token bucket", GET],
  panics: ["its handler panics", request("GET /panic HTTP/1.1", FROM_PAGE)],
};

/** What a response can have from the layers: a name, and how to see it. */
const SIGNS = {
  "an ID": ({ get }) => get("x-request-id"),
  "a log line": (_, events) => logLine(events),
  "a CORS field": ({ get }) => get("access-control-allow-origin"),
  gzip: ({ get }) => get("content-encoding"),
};

const isPanic = text => text.includes("panicked at");
const logged = events => events.filter(({ kind }) => kind === "logged").map(({ value }) => value.trim());
const logLine = events => logged(events).find(text => /^\S+ - - \[/.test(text));

customElements.define("lab-onion", class extends Lab {
  name = "the layers around a handler";

  build(body) {
    this.order = [...ORDER];
    this.request = "plain";
    this.layers = h("ol", { "data-part": "layers", "aria-label": "Layers, from the outermost to the innermost" });
    this.steps = h("ol", { "data-part": "steps", "aria-label": "The request on its way in, and the response on its way out" });
    this.response = h("pre", { class: "lab-bytes", tabindex: "0", "data-part": "response", "aria-label": "The header section of the response" });
    this.log = h("pre", { class: "lab-bytes", tabindex: "0", "data-part": "log", "aria-label": "The log" });
    this.panes = h("div", { hidden: "" }, this.steps,
      h("p", {}, "The header section of the response"), this.response, h("p", {}, "The server's log"), this.log);
    body.append(
      h("div", { class: "lab-bar" },
        label("Request", choice(Object.entries(REQUESTS).map(([id, [name]]) => [id, name]), request => {
          this.request = request;
          return this.send();
        })), button("Send it", () => this.send())),
      h("p", {}, "From the outermost layer to the innermost. The handler is inside of them all."),
      this.layers,
      h("div", { class: "lab-bar" }, button("The order of the chapter", () => this.arrange([...ORDER]))),
      this.status, this.panes);
    this.list();
    this.say("Send a request, or move a layer. The page then loads chapter 5 and builds a chain of its layers.");
  }

  /** Lists the layers with their buttons. */
  list() {
    this.layers.replaceChildren(...this.order.map((layer, at) => {
      const name = LAYERS[layer];
      const move = (by, word, sign) => button(sign, () => this.move(at, by), {
        "aria-label": `${name}: further ${word}`, "data-move": `${layer} ${word}`,
        disabled: at + by < 0 || at + by >= this.order.length,
      });
      return h("li", {}, h("span", { class: "lab-bar" }, h("span", { class: "lab-layer" }, name), move(-1, "out", "\u2191"), move(1, "in", "\u2193")));
    }));
  }

  arrange(order) {
    this.order = order;
    this.list();
    return this.send();
  }

  move(at, by) {
    const order = [...this.order];
    [order[at], order[at + by]] = [order[at + by], order[at]];
    const sent = this.arrange(order);
    // The list is new. The same layer keeps the focus, for a reader who moves it by keyboard.
    const buttons = this.layers.children[at + by].querySelectorAll("button");
    const same = buttons[by < 0 ? 0 : 1];
    (same.disabled ? buttons[by < 0 ? 1 : 0] : same).focus();
    return sent;
  }

  /** Builds the chain in the chapter's module, and sends it the request. */
  send() {
    return this.attempt(async () => {
      const chapter = await this.chapter("ch05");
      const isLimited = this.request === "limited";
      chapter.lab({ lab: "layers", order: this.order, burst: isLimited ? 1 : 100, rate: 1, per_ms: 60000 });
      if (isLimited) chapter.connect([GET]);
      const [, bytes] = REQUESTS[this.request];
      this.show(chapter.connect([bytes]));
    });
  }

  show(events) {
    const steps = events.filter(({ kind }) => kind === "traced").map(({ value }) => value);
    this.steps.replaceChildren(...this.sentences(steps).map(text => h("li", {}, text)));
    const [response] = responses(output(events));
    const has = Object.keys(SIGNS).filter(name => SIGNS[name](response, events));
    const lacks = Object.keys(SIGNS).filter(name => !has.includes(name));
    this.response.textContent = showLines(response.head);
    this.log.textContent = logged(events).map(text => isPanic(text) ? text.slice(text.indexOf("panicked")) : text).join("\n") || "(empty)";
    this.panes.hidden = false;
    const missing = lacks.length ? ` Missing: ${lacks.join(", ")}.` : "";
    this.say(`The client gets ${response.status}. The layers have added: ${has.join(", ") || "nothing"}.${missing}`);
  }

  /** The steps as sentences. A layer's part of a response is what it has more than the response further inside. */
  sentences(steps) {
    const open = [];
    let inner = { fields: [] };
    const lines = steps.map(({ layer, does, status, fields }) => {
      const name = LAYERS[layer] ?? layer;
      if (does === "enter") open.push(layer);
      if (does !== "leave") return does === "called" ? `${name}: runs` : layer === "handler" ? null : `${name}: gets the request`;
      const skipped = [];
      while (open.at(-1) !== layer) skipped.push(LAYERS[open.pop()] ?? "handler");
      open.pop();
      const added = fields.filter(field => !inner.fields.includes(field));
      const own = inner.status === undefined && layer !== "handler";
      const words = [
        skipped.length ? `catches the panic, which has unwound through: ${skipped.join(", ")}. It responds with ${status}`
          : own ? `responds with ${status} itself, and no layer further inside gets the request`
            : layer === "handler" ? `responds with ${status}` : inner.status === status ? "passes the response on" : `makes it ${status}`,
        added.length ? `adds ${added.join(", ")}` : null,
        layer === "access-log" ? "writes a line of the log" : null,
      ];
      inner = { status, fields };
      return `${name}: ${words.filter(Boolean).join("; ")}`;
    }).filter(Boolean);
    if (open.length) {
      const passed = open.reverse().map(layer => LAYERS[layer] ?? layer).join(", ");
      lines.push(`the connection's own boundary: catches the panic, which has unwound through: ${passed}. It responds with 500`);
    }
    return lines;
  }
});
