// A file asked for again, and in parts.
import { Lab, button, h } from "./lab.js";
import { link, origins, output, show, tryBytes } from "./wire.js";

const PATH = "/static/hello.txt";
const SHOWN = ["etag", "last-modified", "content-range", "content-length", "accept-ranges", "location"];

/** The answer, taken apart. */
function read(bytes) {
  const text = String.fromCharCode(...bytes);
  const end = text.indexOf("\r\n\r\n");
  const [line, ...lines] = text.slice(0, end).split("\r\n");
  const fields = lines.map(one => [one.slice(0, one.indexOf(":")), one.slice(one.indexOf(":") + 2)]);
  const get = name => fields.find(([one]) => one.toLowerCase() === name)?.[1];
  return { line, status: Number(line.split(" ")[1]), fields, get, body: bytes.subarray(end + 4) };
}

const RULES = {
  again: ["RFC 9110 section 13.1.2", "If-None-Match: the client has a copy with this tag. It is sent only if none of the tags fits."],
  other: ["RFC 9110 section 13.1.2", "If-None-Match with the tag of another version: the client's copy is out of date."],
  since: ["RFC 9110 section 13.1.3", "If-Modified-Since: the same question by date, to a second."],
  match: ["RFC 9110 section 13.1.1", "If-Match: only if it is still this version. For reading it is rare; it keeps two writers apart."],
  first: ["RFC 9110 section 14.1.2", "A range counts from zero, and both ends belong to it."],
  last: ["RFC 9110 section 14.1.2", "Without a first number: so many bytes from the end."],
  several: ["RFC 9110 section 14.2", "Several ranges: a server may send all of the file instead, and this one does."],
  beyond: ["RFC 9110 section 15.5.17", "No byte of the file is in the range. The answer says how long the file is."],
  same: ["RFC 9110 section 13.1.5", "If-Range: the rest, if it is still the version of which I have the beginning."],
  newer: ["RFC 9110 section 13.1.5", "If-Range with another tag: the beginning is of another version, so all of it is sent."],
};

customElements.define("lab-conditional", class extends Lab {
  name = "a file again, and in parts";

  build(body) {
    this.sent = h("pre", { class: "lab-bytes", tabindex: "0", "data-part": "sent", "aria-label": "The request" });
    this.received = h("pre", { class: "lab-bytes", tabindex: "0", "data-part": "received", "aria-label": "The answer" });
    this.bar = h("div", { class: "lab-row", "data-part": "bytes", role: "img" });
    this.notes = h("ul", { class: "plain" });
    this.panes = h("div", { hidden: "" }, h("p", {}, "The request"), this.sent, h("p", {}, "The answer"), this.received, this.bar, this.notes);
    const ask = (text, rule, fields) => button(text, () => this.ask(rule, fields), { disabled: true });
    this.later = [
      ask("With its tag", "again", first => [`If-None-Match: ${first.get("etag")}`]),
      ask("With another tag", "other", () => ['If-None-Match: "another"']),
      ask("With its date", "since", first => [`If-Modified-Since: ${first.get("last-modified")}`]),
      ask("If it is another", "match", () => ['If-Match: "another"']),
      ask("The first five bytes", "first", () => ["Range: bytes=0-4"]),
      ask("The last five", "last", () => ["Range: bytes=-5"]),
      ask("Two parts", "several", () => ["Range: bytes=0-1,5-6"]),
      ask("Beyond the end", "beyond", () => ["Range: bytes=99-"]),
      ask("The rest, if it is the same", "same", first => ["Range: bytes=5-", `If-Range: ${first.get("etag")}`]),
      ask("The rest of another", "newer", () => ["Range: bytes=5-", 'If-Range: "another"']),
    ];
    const group = (name, from, to) => h("div", { class: "lab-bar" }, name, ...this.later.slice(from, to));
    body.append(
      h("div", { class: "lab-bar" }, button("Ask for the file", () => this.ask(null, () => []))),
      group("Again:", 0, 4), group("A part:", 4, 10), this.status, this.panes);
    this.say("Ask for the file first. The answer has what the other questions need.");
  }

  async ask(rule, fields) {
    this.say("Asking the server.");
    const lines = [`GET ${PATH} HTTP/1.1`, "Host: a", ...fields(this.first), "Connection: close"];
    const request = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
    try {
      const report = await tryBytes(request);
      const answer = read(output(report));
      if (!rule && answer.status === 200) {
        this.first = answer;
        this.later.forEach(one => { one.disabled = false; });
      }
      this.draw(rule, lines, answer, report);
    } catch (error) {
      this.panes.hidden = true;
      this.say(error.message);
    }
  }

  draw(rule, lines, answer, report) {
    const { line, status, fields, get, body } = answer;
    this.sent.textContent = lines.join("\n");
    const shown = fields.filter(([name]) => SHOWN.includes(name.toLowerCase())).map(([name, value]) => `${name}: ${value}`);
    const isText = status === 200 || status === 206;
    this.received.textContent = [line, ...shown, "", isText ? show(body) : ""].join("\n");
    const total = this.first?.body.length ?? 0;
    const range = /bytes (\d+)-(\d+)/.exec(get("content-range") ?? "");
    const [from, to] = range ? [Number(range[1]), Number(range[2])] : status === 200 ? [0, total - 1] : [0, -1];
    this.bar.replaceChildren(...Array.from({ length: total }, (_, at) =>
      h("span", { class: at >= from && at <= to ? "lab-cell" : "lab-cell empty" }, String(at))));
    const came = to < from ? "No byte of the file has come" : `Bytes ${from} to ${to} of ${total} have come`;
    this.bar.setAttribute("aria-label", came);
    const [where, why] = RULES[rule] ?? ["RFC 9110 section 8.8", "The tag and the date are validators: by them a copy is recognised."];
    this.status.replaceChildren(`${status}. ${came}. ${why} `, h("a", { href: link(where) }, where), ".");
    this.notes.replaceChildren(...origins(report).map(note => h("li", {}, note)));
    this.panes.hidden = false;
  }
});
