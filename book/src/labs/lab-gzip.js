// Content negotiation with chapter 5: which coding a response gets for which Accept-Encoding.
import { Lab, button, choice, h, label } from "./lab.js";
import { output, request, responses, showLines } from "./wire.js";

/** Field lines, `null` for a request without one, and what to notice. */
const EXAMPLES = [
  ["gzip, deflate, br, zstd", "a browser's list"],
  [null, "no Accept-Encoding, as curl sends it"],
  ["gzip;q=0", "anything but gzip"],
  ["br", "only Brotli"],
  ["*", "any coding"],
  ["*;q=0, gzip", "gzip and nothing else"],
  ["gzip;q=0.5, identity", "rather as it is"],
  ["identity;q=0, gzip;q=0", "nothing at all"],
];

/** Resources of the chapter, and what they are. */
const PATHS = [
  ["/large?kb=4", "a long text"],
  ["/hello/you", "a short text"],
  ["/nothing", "a 404"],
];

customElements.define("lab-gzip", class extends Lab {
  name = "gzip or not";

  build(body) {
    this.path = PATHS[0][0];
    this.field = h("input", { type: "text", spellcheck: "false", autocapitalize: "off", value: EXAMPLES[0][0] });
    this.absent = false;
    const examples = EXAMPLES.map(([value, name], index) => [index, value === null ? name : `${value} (${name})`]);
    this.sent = h("pre", { class: "lab-bytes", tabindex: "0", "data-part": "sent", "aria-label": "The request" });
    this.received = h("pre", { class: "lab-bytes", tabindex: "0", "data-part": "received", "aria-label": "The header section of the response" });
    this.content = h("pre", { class: "lab-bytes", tabindex: "0", "data-part": "body", "aria-label": "The body, decoded" });
    this.panes = h("div", { hidden: "" }, h("p", {}, "The request"), this.sent,
      h("p", {}, "The header section of the response"), this.received, h("p", {}, "The body, decoded"), this.content);
    body.append(
      h("div", { class: "lab-bar" },
        label("Example", choice(examples, index => this.take(EXAMPLES[index][0]))),
        label("Resource", choice(PATHS.map(([path, name]) => [path, `${path}: ${name}`]), path => {
          this.path = path;
        }))),
      label("Accept-Encoding", this.field),
      h("div", { class: "lab-bar" }, button("Send", () => this.send())),
      this.status, this.panes);
    this.field.addEventListener("input", () => { this.absent = false; });
    this.field.addEventListener("keydown", event => {
      if (event.key === "Enter") this.send();
    });
    this.say("Press Send. The page then loads chapter 5, and its compression layer decides.");
  }

  take(value) {
    this.absent = value === null;
    this.field.value = value ?? "";
  }

  send() {
    return this.attempt(async () => {
      const fields = this.absent ? [] : [`Accept-Encoding: ${this.field.value}`];
      const bytes = request(`GET ${this.path} HTTP/1.1`, "Accept: text/html", ...fields);
      const [response] = responses(output((await this.chapter("ch05")).connect([bytes])));
      const coding = response.get("content-encoding");
      const text = coding === "gzip" ? await unzip(response.body) : response.body;
      this.sent.textContent = showLines(bytes);
      this.received.textContent = showLines(response.head);
      this.content.textContent = new TextDecoder().decode(text);
      this.panes.hidden = false;
      // The parser's limits and rules come before any layer, and any resource.
      if ([400, 431].includes(response.status)) {
        this.say(`${response.status}. The parser rejected this request, so the compression layer never saw it.`);
        return;
      }
      const size = coding
        ? `${response.body.length} bytes of ${coding} in place of ${text.length}`
        : `${text.length} bytes as they are`;
      const vary = response.get("vary") ?? "";
      const caches = /accept-encoding/i.test(vary)
        ? " Vary names Accept-Encoding: a cache must not give this response to a client with another one."
        : " Vary does not name Accept-Encoding: this response is the same for every client.";
      this.say(`${response.status}, ${size}.${caches}`);
    });
  }
});

/** The bytes that gzip has compressed. */
async function unzip(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
