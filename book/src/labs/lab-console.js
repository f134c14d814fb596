// The request console: the bytes of a client, and what a chapter makes of them, beside the next chapter.
import { Lab, TITLES, button, choice, h, label, number } from "./lab.js";
import { compare, draw, sentLines } from "./connection-view.js";
import { GROUPS, smuggling } from "./presets.js";
import { describe, layOut, methods, outcomes, parts, spans } from "./trace.js";
import { encode, lines, output, responses } from "./wire.js";

const OWN = "own";
const SERVERS = [...Object.entries(TITLES), [OWN, "my server at 127.0.0.1:8080"]];
const NEXT = { ch03: "ch04", ch04: "ch05", ch05: "ch06", ch06: "", [OWN]: "" };

/** Statuses in the line that a screen reader reads aloud. */
const MAX_STATUSES = 12;

/** How a client can send bytes: a name, and its pieces. `ends` are the ends of the requests in the bytes. */
const PIECES = {
  whole: ["in one piece", bytes => [bytes]],
  requests: ["request by request", (bytes, { ends }) => cut(bytes, ends)],
  lines: ["line by line", bytes => lines(bytes)],
  bytes: ["byte by byte", bytes => Array.from(bytes, byte => Uint8Array.of(byte))],
  cut: ["in two pieces", (bytes, { at }) => cut(bytes, [at])],
  pipelined: ["three times in one piece (pipelined)", bytes => [Uint8Array.from([...bytes, ...bytes, ...bytes])]],
};

/** The bytes in pieces that end at these places, and at the end. */
const cut = (bytes, ends) => [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));

const START = "GET /hello/you HTTP/1.1\\r\\n\nHost: a\\r\\n\n\\r\\n\nHEAD / HTTP/1.1\\r\\n\nHost: a\\r\\n\nConnection: close\\r\\n\n\\r\\n";

customElements.define("lab-console", class extends Lab {
  name = "the request console";

  build(body) {
    this.setting = { server: "ch04", beside: "ch05", pieces: "whole", every: "0", end: "fin", at: 20 };
    const set = name => value => { this.setting[name] = value; };
    this.fields = {
      server: choice(SERVERS, server => this.choose(server)),
      beside: choice([["", "nothing"], ...SERVERS], set("beside")),
      pieces: choice(Object.entries(PIECES).map(([id, [name]]) => [id, name]), pieces => this.take({ pieces })),
      every: choice([["0", "without a pause"], ["500", "half a second apart"], ["1000", "a second apart"]], set("every")),
      end: choice([["fin", "closes its direction (FIN)"], ["open", "waits"]], set("end")),
    };
    this.presets = [{ text: START, says: "" }];
    this.preset = h("select", { onchange: event => this.use(event.target.value) }, h("option", { value: "0" }, "two requests"));
    this.hint = h("p", { class: "lab-note", "data-part": "hint" });
    this.text = h("textarea", { rows: 8, spellcheck: "false", autocapitalize: "off",
      value: START });
    this.cutAt = label("after byte", number(this.setting.at, 1, 65536, set("at")));
    this.numbers = h("input", { type: "checkbox", onchange: () => this.draw() });
    this.columns = h("div", { class: "lab-columns", "data-part": "columns" });
    this.trace = h("div", { "data-part": "trace" });
    body.append(
      h("div", { class: "lab-bar" }, label("Send to", this.fields.server), label("and beside it to", this.fields.beside)),
      h("div", { class: "lab-bar" }, label("Preset", this.preset)), this.hint,
      label("Bytes to send. \\r and \\n are bytes, and a line break is only for your eyes.", this.text),
      h("div", { class: "lab-bar" }, label("Send them", this.fields.pieces), this.cutAt, this.fields.every,
        label("After them the client", this.fields.end)),
      h("div", { class: "lab-bar" }, button("Send", () => this.send()),
        button("Restart the chapters", () => this.restart()), h("label", {}, this.numbers, "Bytes as numbers")),
      this.status, this.columns, this.trace);
    this.fields.every.setAttribute("aria-label", "The time between two pieces");
    this.take(this.setting);
    this.list(GROUPS);
    smuggling().then(groups => this.list(groups));
    this.say("Press Send. The page then loads the chapters, and they serve these bytes as if a client had sent them.");
  }

  /** Changes settings, and shows them. */
  take(change) {
    Object.assign(this.setting, change);
    for (const [name, field] of Object.entries(this.fields)) field.value = this.setting[name];
    this.cutAt.hidden = this.setting.pieces !== "cut";
    this.fields.every.hidden = ["whole", "pipelined"].includes(this.setting.pieces);
    if (this.fields.every.hidden) this.setting.every = this.fields.every.value = "0";
  }

  choose(server) {
    this.take({ server, beside: NEXT[server] });
  }

  /** Adds groups of presets to the choice. */
  list(groups) {
    for (const [group, presets] of Object.entries(groups)) {
      const options = presets.map(preset => h("option", { value: String(this.presets.push(preset) - 1) }, preset.name));
      this.preset.append(h("optgroup", { label: group }, options));
    }
  }

  use(index) {
    const { text, says, pieces = "whole", every = 0, end = "fin" } = this.presets[index];
    this.text.value = text;
    this.hint.textContent = says;
    this.take({ pieces, every: String(every), end });
  }

  restart() {
    return this.attempt(async () => {
      if (this.chapters.size === 0) throw new Error("No chapter runs yet. Press Send first.");
      await Promise.all([...this.chapters.values()].map(async chapter => (await chapter).restart()));
      this.say("The chapters have restarted: no users, no tokens taken.");
    });
  }

  send() {
    return this.attempt(async () => {
      const input = encode(this.text.value);
      const { server, beside } = this.setting;
      const names = beside && beside !== server ? [server, beside] : [server];
      const runs = [];
      for (const name of names) runs.push(await this.run(name, input));
      this.runs = runs;
      this.input = runs[0].input;
      this.say(this.summary());
      this.draw();
      this.explain();
    });
  }

  /** Sends the bytes to one server. */
  async run(name, input) {
    if (name === OWN) {
      const { send } = await import("./own-server.js");
      const report = await send(input);
      const events = [{ kind: "received", value: input, at: 0 }, { kind: "sent", value: report.sent, at: report.clock_ms }];
      if (report.next.state === "close") events.push({ kind: "finished", at: report.clock_ms });
      const received = responses(report.sent, methods(input, report));
      const note = "Your server gets the bytes in one piece, and its clock is simulated as well.";
      return { name, input, events, start: 0, statuses: received.map(({ status }) => status), note, report, received };
    }
    const chapter = await this.chapter(name);
    const { pieces, end, every, at } = this.setting;
    const explained = chapter.explain(input);
    const ends = explained.messages.map(({ to }) => to);
    const sent = PIECES[pieces][1](input, { ends, at });
    const whole = pieces === "pipelined" ? sent[0] : input;
    // The clock of a program never runs backwards, and its timeouts have moved it.
    const start = Math.max(Date.now(), chapter.system.now);
    const events = chapter.connect(sent, { end, every: Number(every), at: start });
    if (chapter.hasStopped) await chapter.restart();
    const report = whole === input ? explained : chapter.explain(whole);
    const received = responses(output(events), methods(whole, report));
    return { name, input: whole, events, start, statuses: received.map(({ status }) => status), report, received };
  }

  summary() {
    const title = ({ name }) => TITLES[name] ?? "Your server";
    const ends = ({ events }) => events.some(({ kind }) => kind === "finished") ? ", then it closes the connection" : "";
    const list = statuses => statuses.length <= MAX_STATUSES ? statuses.join(", ")
      : `${statuses.slice(0, MAX_STATUSES).join(", ")} and ${statuses.length - MAX_STATUSES} more`;
    const does = run => run.statuses.length ? `responds with ${list(run.statuses)}` : "sends no response";
    const [first, second] = this.runs;
    const text = `${title(first)} ${does(first)}${ends(first)}.`;
    if (!second) return text;
    const count = compare(sentLines(second.events), sentLines(first.events)).count;
    const same = String(first.statuses) === String(second.statuses);
    if (same && count === 0) return `${text} ${title(second)} does the same.`;
    const lines = count ? `, and ${count} of its lines ${count === 1 ? "differs" : "differ"}` : "";
    return `${text} ${title(second)} ${same ? "responds with the same statuses" : does(second)}${lines}.`;
  }

  draw() {
    if (!this.runs) return;
    const [first, second] = this.runs;
    this.columns.classList.toggle("two", Boolean(second));
    this.columns.replaceChildren(...this.runs.map(run => {
      const other = run === first ? second : first;
      const differs = other ? compare([], sentLines(other.events)).differs : undefined;
      const title = TITLES[run.name] ?? "Your server (the code of final)";
      return h("section", { "aria-label": title, "data-server": run.name }, h("p", {}, h("b", {}, title)),
        run.note ? h("p", { class: "lab-note" }, run.note) : null,
        h("ol", { class: "lab-events", tabindex: "0", "aria-label": `The connection with ${title}` },
          draw(run.events, { start: run.start, differs, numbers: this.numbers.checked })));
    }));
  }

  /** What the parser of the first server reads in the bytes. */
  explain() {
    const [{ report, received, name }] = this.runs;
    const all = spans(report);
    const list = all.map(span => h("li", {}, describe(span)));
    const lines = outcomes(report, received);
    const isOpen = this.trace.querySelector("details")?.open ?? false;
    this.trace.replaceChildren(h("details", isOpen ? { open: "" } : {},
      h("summary", {}, `What the parser of ${TITLES[name] ?? "your server"} reads, part by part`),
      h("ol", { class: "plain" }, lines.map(line => h("li", {}, line))),
      h("pre", { class: "lab-bytes", tabindex: "0", "aria-label": "The bytes, part by part" }, layOut(this.input, all, parts(this.input, all))),
      h("ol", { class: "lab-steps", tabindex: "0", "aria-label": "The parts, with their rules" }, list)));
  }
});
