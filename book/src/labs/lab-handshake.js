// A TCP connection, segment by segment, forward and back.
import { Lab, button, choice, enable, h, label } from "./lab.js";
import { STORIES, walk } from "./handshake.js";

customElements.define("lab-handshake", class extends Lab {
  name = "a TCP connection, step by step";

  build(body) {
    this.story = "orderly";
    this.at = 0;
    const stories = choice(Object.entries(STORIES).map(([id, story]) => [id, story.name]), id => this.tell(id));
    this.ends = {};
    const box = (end, title) => {
      this.ends[end] = h("span", { class: "mono", "data-end": end });
      return h("div", { class: "lab-box" }, h("b", {}, title), this.ends[end]);
    };
    this.wire = h("div", { class: "lab-wire" });
    this.list = h("ol", { class: "lab-steps", tabindex: "0", "aria-label": "The steps that were taken" });
    this.back = button("Back", () => this.go(this.at - 1));
    this.forward = button("Forward", () => this.go(this.at + 1));
    const bar = h("div", { class: "lab-bar" }, this.back, this.forward, button("From the start", () => this.go(0)));
    body.append(
      h("div", { class: "lab-bar" }, label("Story", stories)),
      h("div", { class: "lab-ends" }, box("client", "Client's kernel"), box("server", "Server's kernel")),
      this.wire,
      h("div", { class: "lab-box" }, h("b", {}, "Server's program (the states of chapter 1)"), this.ends.program = h("span", { class: "mono", "data-end": "program" })),
      bar, this.status, this.list,
      h("p", { class: "lab-note" }, "Inside of the lab the arrow keys left and right step too."));
    body.addEventListener("keydown", event => {
      if (event.target.matches("select, input")) return;
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (by) {
        event.preventDefault();
        this.go(this.at + by);
      }
    });
    this.go(0);
  }

  tell(id) {
    this.story = id;
    this.go(0);
  }

  go(to) {
    const story = STORIES[this.story];
    const states = walk(story);
    this.at = Math.min(story.steps.length, Math.max(0, to));
    const now = states[this.at];
    this.ends.client.textContent = now.client;
    this.ends.server.textContent = now.server;
    this.ends.program.textContent = now.program ?? "not running";
    const step = story.steps[this.at - 1];
    const arrow = !step?.from ? "" : step.from === "client" ? `${step.segment} \u2192` : `\u2190 ${step.segment}`;
    this.wire.textContent = arrow || "(nothing on the wire)";
    enable(this.back, this.at > 0, this.forward);
    enable(this.forward, this.at < story.steps.length, this.back);
    this.list.replaceChildren(...story.steps.slice(0, this.at).map((one, index) =>
      h("li", { class: index === this.at - 1 ? "now" : null, "aria-current": index === this.at - 1 ? "step" : null },
        one.from ? `${one.from}: ${one.segment}` : one.kind === "time" ? "time passes" : "accept() returns")));
    this.list.scrollTop = this.list.scrollHeight;
    this.say(step
      ? `Step ${this.at} of ${story.steps.length}. ${step.say} Client: ${now.client}. Server: ${now.server}.`
      : `${story.steps.length} steps. Press Forward.`);
  }
});
