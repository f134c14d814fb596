// The parser's way over typed bytes, told by the parser itself.
import { Lab, button, choice, enable, h, label } from "./lab.js";
import { encode, link, origins, outcomes, show, tryBytes } from "./wire.js";

const get = (...lines) => ["GET /hello/you HTTP/1.1", ...lines, ""].map(line => `${line}\\r\\n`).join("\n");
const post = (fields, body) => ["POST /echo HTTP/1.1", "Host: a", ...fields, ""].map(line => `${line}\\r\\n`).join("\n") + `\n${body}`;

const EXAMPLES = [
  ["a request", get("Host: a")],
  ["two at once", `${get("Host: a")}\n${get("Host: a", "Connection: close")}`],
  ["no Host", get()],
  ["a space before the colon", get("Host : a")],
  ["a folded line", get("Host: a", "X: one", "  two")],
  ["a line that ends in LF alone", get("Host: a").replace("Host: a\\r\\n", "Host: a\\n")],
  ["an absolute target", get("Host: a").replace("/hello", "http://b/hello")],
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
      label("Take", choice(EXAMPLES.map(([name], index) => [index, name]), index => {
        this.field.value = EXAMPLES[index][1];
        this.clear();
      })),
      label("or type. \\r and \\n are bytes; the line breaks are for your eye only.", this.field),
      h("div", { class: "lab-bar" }, button("Try it", () => this.try())),
      this.bytes, steps, this.status, this.messages);
    this.clear();
  }

  clear() {
    Object.assign(this, { spans: [], at: -1, report: null });
    this.bytes.hidden = true;
    this.messages.replaceChildren();
    this.say("Press Try it: a server takes the bytes apart, and you follow it.");
    this.enable();
  }

  async try() {
    this.clear();
    this.say("Asking the server.");
    try {
      await this.ask(encode(this.field.value));
    } catch (error) {
      this.clear();
      this.say(error.message);
    }
  }

  /** Has these bytes tried. Returns the report. */
  async ask(input) {
    const report = await tryBytes(input);
    this.report = report;
    this.spans = report.spans;
    this.parts = report.spans.map(span => {
      const text = show(input.subarray(span.from, span.to));
      const part = h("span", { class: "lab-part", "data-name": span.part }, text);
      if (span.blame) part.classList.add("blame");
      return part;
    });
    this.bytes.replaceChildren(...this.parts.flatMap((part, index) => {
      const ends = input[report.spans[index].to - 1] === 10;
      return ends ? [part, "\n"] : [part];
    }));
    this.bytes.hidden = false;
    const lines = [...outcomes(report), report.next.text];
    if (report.spans_truncated) lines.push("The first parts are marked; there are more.");
    this.messages.replaceChildren(...[...lines, ...origins(report)].map(line => h("li", {}, line)));
    if (input.length === 0) this.say("There are no bytes to try.");
    this.go(0);
    return report;
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
    const { from, to: end, part, rule, blame } = this.spans[to];
    const { rejection } = this.report;
    const bytes = end - from === 1 ? `Byte ${from}` : `Bytes ${from} to ${end - 1}`;
    const line = [`${bytes}: ${part.replaceAll("-", " ")}. `];
    if (rule) line.push(link(rule) ? h("a", { href: link(rule) }, rule) : rule, ". ");
    if (blame && rejection) {
      line.push(`Rejected with ${rejection.status}: ${rejection.text}. The parser was certain at byte ${rejection.at}. `);
      if (rejection.rule && rejection.rule !== rule) line.push(h("a", { href: link(rejection.rule) }, rejection.rule), ".");
    }
    this.status.replaceChildren(...line);
    this.enable();
  }
});
