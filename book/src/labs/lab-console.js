// One connection: what you send, and what comes back, byte for byte.
import { Lab, button, h, label } from "./lab.js";
import { encode, hex, origins, outcomes, output, show, tryBytes } from "./wire.js";

const START = "GET /hello/you HTTP/1.1\\r\\n\nHost: a\\r\\n\n\\r\\n\nHEAD / HTTP/1.1\\r\\n\nHost: a\\r\\n\nConnection: close\\r\\n\n\\r\\n";

customElements.define("lab-console", class extends Lab {
  name = "a connection, both directions";

  build(body) {
    this.field = h("textarea", { rows: 7, spellcheck: "false", autocapitalize: "off", value: START });
    this.sent = h("pre", { class: "lab-bytes", tabindex: "0", "data-part": "sent", "aria-label": "What you send" });
    this.received = h("pre", { class: "lab-bytes", tabindex: "0", "data-part": "received", "aria-label": "What the server sends" });
    this.messages = h("ol", { class: "plain", "data-part": "messages" });
    this.form = button("As numbers", () => {
      this.numbers = !this.numbers;
      this.form.setAttribute("aria-pressed", String(this.numbers));
      this.draw();
    }, { "aria-pressed": "false" });
    this.panes = h("div", { hidden: "" }, h("p", {}, "You send"), this.sent, h("p", {}, "The server sends"), this.received);
    body.append(
      label("Bytes to send. \\r and \\n are bytes; the line breaks are for your eye only.", this.field),
      h("div", { class: "lab-bar" }, button("Send", () => this.send()), this.form),
      this.status, this.panes, this.messages);
    this.say("Press Send: a server of yours takes these bytes as those of a connection.");
  }

  async send() {
    this.say("Asking the server.");
    try {
      this.input = encode(this.field.value);
      this.report = await tryBytes(this.input);
      const { next, clock_ms: waited, truncated } = this.report;
      const lines = outcomes(this.report);
      if (waited > 0) lines.push(`Handlers pretended to sleep for ${waited} ms.`);
      if (truncated) lines.push("The server sends more than is shown here.");
      if (this.report.spans_truncated) lines.push("You have sent more than is shown here.");
      this.messages.replaceChildren(...[...lines, ...origins(this.report)].map(line => h("li", {}, line)));
      this.say(`${next.text}${next.after_ms === null ? "" : ` For ${next.after_ms / 1000} s at most.`}`);
      this.draw();
    } catch (error) {
      this.report = null;
      this.panes.hidden = true;
      this.messages.replaceChildren();
      this.say(error.message);
    }
  }

  draw() {
    if (!this.report) return;
    const form = this.numbers ? bytes => `${hex(bytes)} ` : show;
    const part = (bytes, name) => [h("span", { class: "lab-part", "data-name": name }, form(bytes)), bytes.at(-1) === 10 ? "\n" : ""];
    this.sent.replaceChildren(...this.report.spans.flatMap(span => part(this.input.subarray(span.from, span.to), span.part)));
    const bytes = output(this.report);
    const lines = [];
    for (let from = 0; from < bytes.length;) {
      const message = this.report.messages.findIndex(({ out }) => from >= out.from && from < out.to);
      const last = this.report.messages[message]?.out.to ?? bytes.length;
      const end = bytes.indexOf(10, from);
      const to = end < 0 ? last : Math.min(end + 1, last);
      lines.push(...part(bytes.subarray(from, to), message % 2 === 0 ? "even" : "odd"));
      from = to;
    }
    this.received.replaceChildren(...lines);
    this.panes.hidden = false;
  }
});
