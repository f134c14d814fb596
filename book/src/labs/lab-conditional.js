// A file of chapter 6, requested again with conditions, and in parts.
import { Lab, button, h } from "./lab.js";
import { link, output, request, responses, show } from "./wire.js";

const LINE = "GET /static/hello.txt HTTP/1.1";
const SHOWN = ["etag", "last-modified", "content-range", "content-length", "accept-ranges"];
const WHOLE = "Chapter 6 ignores Range, as a server may, and sends the whole file.";

/** The section of a question, and what it asks. */
const RULES = {
  first: ["RFC 9110 section 8.8", "The tag and the date are validators: a client recognizes the version of its copy by them."],
  again: ["RFC 9110 section 13.1.2", "If-None-Match: the client has a copy with this tag, and wants the file only if it has another tag now."],
  other: ["RFC 9110 section 13.1.2", "If-None-Match with the tag of another version: the client's copy is out of date."],
  since: ["RFC 9110 section 13.1.3", "If-Modified-Since: the same question with a date, which has no fractions of a second."],
  match: ["RFC 9110 section 13.1.1", "If-Match: only if it is this version. Clients rarely read with it; it keeps two writers apart."],
  start: ["RFC 9110 section 14.1.2", "A range counts from zero, and both ends belong to it."],
  last: ["RFC 9110 section 14.1.2", "A range without a first number is that many bytes from the end."],
  beyond: ["RFC 9110 section 15.5.17", "No byte of the file is in the range."],
  same: ["RFC 9110 section 13.1.5", "If-Range: the rest, if the file is the version of which the client has the beginning."],
  newer: ["RFC 9110 section 13.1.5", "If-Range with another tag: the client's beginning is of another version, so it needs the whole file."],
};

customElements.define("lab-conditional", class extends Lab {
  name = "a file again, and in parts";

  build(body) {
    this.sent = h("pre", { class: "lab-bytes", tabindex: "0", "data-part": "sent", "aria-label": "The request" });
    this.received = h("pre", { class: "lab-bytes", tabindex: "0", "data-part": "received", "aria-label": "The response" });
    this.bar = h("div", { class: "lab-row", "data-part": "bytes", role: "img" });
    this.panes = h("div", { hidden: "" }, h("p", {}, "The request"), this.sent, h("p", {}, "The response"), this.received, this.bar);
    const ask = (text, rule, fields) => button(text, () => this.send(rule, fields), { disabled: true });
    this.later = [
      ask("With its tag", "again", first => [`If-None-Match: ${first.get("etag")}`]),
      ask("With another tag", "other", () => ['If-None-Match: "another"']),
      ask("With its date", "since", first => [`If-Modified-Since: ${first.get("last-modified")}`]),
      ask("Only another version", "match", () => ['If-Match: "another"']),
      ask("The first five bytes", "start", () => ["Range: bytes=0-4"]),
      ask("The last five", "last", () => ["Range: bytes=-5"]),
      ask("Beyond the end", "beyond", () => ["Range: bytes=99-"]),
      ask("The rest, if it is the same", "same", first => ["Range: bytes=5-", `If-Range: ${first.get("etag")}`]),
      ask("The rest of another", "newer", () => ["Range: bytes=5-", 'If-Range: "another"']),
    ];
    const group = (name, from, to) => h("div", { class: "lab-bar", role: "group", "aria-label": name }, `${name}:`, ...this.later.slice(from, to));
    body.append(
      h("div", { class: "lab-bar" }, button("Request the file", () => this.send("first", () => []))),
      group("Again", 0, 4), group("In parts", 4, 9), this.status, this.panes);
    this.say("Request the file first. The page then loads chapter 6, and the response has what the other requests need.");
  }

  send(rule, fields) {
    return this.attempt(async () => {
      const chapter = await this.chapter("ch06");
      const bytes = request(LINE, ...fields(this.first));
      const [response] = responses(output(chapter.connect([bytes])));
      if (rule === "first" && response.status === 200) {
        this.first = response;
        for (const one of this.later) one.disabled = false;
      }
      this.draw(rule, bytes, response);
    });
  }

  draw(rule, bytes, { line, status, fields, get, body }) {
    this.sent.textContent = new TextDecoder().decode(bytes).trimEnd();
    const shown = fields.filter(([name]) => SHOWN.includes(name.toLowerCase())).map(([name, value]) => `${name}: ${value}`);
    const isText = status === 200 || status === 206;
    this.received.textContent = [line, ...shown, "", isText ? show(body) : ""].join("\n");
    const total = this.first?.body.length ?? 0;
    const range = /bytes (\d+)-(\d+)/.exec(get("content-range") ?? "");
    const [from, to] = range ? [Number(range[1]), Number(range[2])] : status === 200 ? [0, total - 1] : [0, -1];
    this.bar.replaceChildren(...Array.from({ length: total }, (_, at) =>
      h("span", { class: at >= from && at <= to ? "lab-cell" : "lab-cell empty" }, String(at))));
    const came = to < from ? "No byte of the file has arrived" : `Bytes ${from} to ${to} of ${total} have arrived`;
    this.bar.setAttribute("aria-label", came);
    const [section, says] = RULES[rule];
    const ignored = this.sent.textContent.includes("Range: bytes") && status === 200 && rule !== "newer" ? ` ${WHOLE}` : "";
    this.say(`${status}. ${came}. ${says}${ignored} `, h("a", { href: link(section) }, section), ".");
    this.panes.hidden = false;
  }
});
