// The parser of chapter 3 on bytes that the reader types, part by part.
import { Lab, button, choice, enable, h, label } from "./lab.js";
import { describe, layOut, methods, outcomes, parts, spans } from "./trace.js";
import { encode, link, output, responses } from "./wire.js";

const get = (...lines) => ["GET / HTTP/1.1", ...lines, ""].map(line => `${line}\\r\\n`).join("\n");
const post = (fields, body) => ["POST /echo HTTP/1.1", "Host: a", ...fields, ""].map(line => `${line}\\r\\n`).join("\n") + `\n${body}`;

const EXAMPLES = [
  ["a request", get("Host: a")],
  ["two at once", `${get("Host: a")}\n${get("Host: a", "Connection: close")}`],
  ["no Host", get()],
  ["a space before the colon", get("Host : a")],
  ["a folded line", get("Host: a", "X: one", "  two")],
  ["a line that ends in LF alone", get("Host: a").replace("Host: a\\r\\n", "Host: a\\n")],
  ["an absolute target", get("Host: a").replace("/", "http://b/")],
  ["a body in chunks", post(["Transfer-Encoding: chunked"], "5;x=y\\r\\nhello\\r\\n\n0\\r\\n\n\\r\\n")],
  ["a chunk without a size", post(["Transfer-Encoding: chunked"], "hello\\r\\n")],
  ["both lengths", post(["Content-Length: 6", "Transfer-Encoding: chunked"], "0\\r\\n\n\\r\\n\nG")],
  ["two lengths that differ", post(["Content-Length: 5", "Content-Length: 6"], "hello!")],
  ["half of a body", post(["Content-Length: 10"], "hello")],
];

customElements.define("lab-parser", class extends Lab {
  name = "the parser, byte by byte";

  build(body) {
    this.field = h("textarea", { rows: 6, spellcheck: "false", autocapitalize: "off", value: EXAMPLES[0][1] });
    this.bytes = h("pre", { class: "lab-bytes", tabindex: "0", "data-part": "bytes", "aria-label": "The bytes, part by part" });
    this.messages = h("ol", { class: "plain", "data-part": "messages" });
    this.back = button("Back", () => this.go(this.at - 1));
    this.forward = button("Forward", () => this.go(this.at + 1));
    this.all = button("To the end", () => this.go(this.spans.length - 1));
    const keys = { ArrowLeft: () => this.go(this.at - 1), ArrowRight: () => this.go(this.at + 1) };
    const steps = h("div", { class: "lab-bar", onkeydown: event => {
      if (!keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    } }, this.back, this.forward, this.all);
    body.append(
      h("div", { class: "lab-bar" }, label("Example", choice(EXAMPLES.map(([name], index) => [index, name]), index => {
        this.field.value = EXAMPLES[index][1];
        this.clear();
      }))),
      label("Bytes, yours if you like. \\r and \\n are bytes, and a line break is only for your eyes.", this.field),
      h("div", { class: "lab-bar" }, button("Parse", () => this.attempt(() => this.parse(encode(this.field.value))))),
      this.bytes, steps, this.status, this.messages);
    this.clear();
  }

  clear() {
    Object.assign(this, { spans: [], at: -1, report: null });
    this.bytes.hidden = true;
    this.messages.replaceChildren();
    this.say("Press Parse. The page then loads chapter 3, and its parser reads the bytes.");
    this.enable();
  }

  /** Parses the bytes of a client. Returns the responses of the chapter. */
  async parse(input) {
    this.clear();
    const chapter = await this.chapter("ch03");
    this.report = chapter.explain(input);
    this.spans = spans(this.report);
    const received = responses(output(chapter.connect([input])), methods(input, this.report));
    this.parts = parts(input, this.spans);
    this.bytes.replaceChildren(...layOut(input, this.spans, this.parts));
    this.bytes.hidden = false;
    const lines = outcomes(this.report, received);
    if (this.report.read < input.length) {
      lines.push(`Bytes ${this.report.read} to ${input.length - 1} are never parsed, because nothing says where a next request would begin.`);
    }
    this.messages.replaceChildren(...lines.map(line => h("li", {}, line)));
    if (input.length === 0) this.say("There are no bytes to parse.");
    this.go(0);
    return received;
  }

  enable() {
    const more = this.at < this.spans.length - 1;
    enable(this.back, this.at > 0, this.forward);
    enable(this.forward, more, this.back);
    enable(this.all, more, this.back);
  }

  go(to) {
    if (to < 0 || to >= this.spans.length) return;
    this.at = to;
    for (const [index, part] of this.parts.entries()) {
      part.classList.toggle("now", index === to);
      part.classList.toggle("later", index > to);
    }
    const span = this.spans[to];
    const line = describe(span);
    const { rejection, to: end } = this.report.messages.at(-1);
    if (span.blame && rejection) {
      line.push(`Rejected with ${rejection.status}: ${rejection.text}. The parser was certain at byte ${end - 1}. `);
      if (rejection.rule && rejection.rule !== span.rule) line.push(h("a", { href: link(rejection.rule) }, rejection.rule), ".");
    }
    this.say(...line);
    this.enable();
  }
});
