// A token bucket with its clock.
import { Lab, Player, button, h, label, number } from "./lab.js";
import { Bucket, retryAfter } from "./bucket.js";

const TICK = 100;

customElements.define("lab-bucket", class extends Lab {
  name = "a token bucket and its clock";

  build(body) {
    this.limit = { burst: 5, rate: 1, per: 1000 };
    this.clock = h("span", { class: "mono", "data-part": "clock" });
    this.tokens = h("div", { class: "lab-row", "data-part": "tokens", role: "img" });
    this.answers = h("ol", { class: "lab-steps", tabindex: "0", "aria-label": "The last answers" });
    this.player = new Player(() => this.pass(TICK), { every: TICK, onchange: () => this.playing() });
    this.play = button("Let the clock run", () => this.player.toggle(), { "aria-pressed": "false" });
    body.append(
      h("div", { class: "lab-bar" },
        label("Burst", number(5, 1, 20, burst => this.fresh({ burst }))),
        label("Tokens a second", number(1, 1, 20, rate => this.fresh({ rate })))),
      h("p", {}, "Clock: ", this.clock), this.tokens,
      h("div", { class: "lab-bar" },
        button("A request", () => this.ask(1)), button("Six requests", () => this.ask(6)),
        button("Wait 0.1 s", () => this.pass(100)), button("Wait 1 s", () => this.pass(1000)), this.play),
      this.status, this.answers);
    this.fresh({});
  }

  stop() {
    this.player?.stop();
  }

  playing() {
    this.play.setAttribute("aria-pressed", String(this.player.playing));
  }

  /** A full bucket, at zero. */
  fresh(change) {
    Object.assign(this.limit, change);
    this.now = 0;
    this.bucket = new Bucket(this.limit, 0);
    this.answers.replaceChildren();
    this.say("The bucket is full. Send a request.");
    this.draw();
  }

  pass(time) {
    this.now += time;
    this.draw();
  }

  ask(times) {
    const codes = [];
    let verdict;
    for (let count = 0; count < times; count++) {
      verdict = this.bucket.take(this.now);
      const { allowed, remaining, next } = verdict;
      codes.push(allowed ? 200 : 429);
      const text = allowed ? `200, ${remaining} left` : `429, Retry-After: ${retryAfter(next)}`;
      this.answers.append(h("li", {}, `${this.seconds()}: ${text}`));
    }
    while (this.answers.children.length > 40) this.answers.firstChild.remove();
    this.answers.scrollTop = this.answers.scrollHeight;
    const { allowed, remaining, next } = verdict;
    const last = allowed
      ? `${remaining} ${remaining === 1 ? "token is" : "tokens are"} left.`
      : `Nothing to take. The next token is whole in ${next} ms, so the answer says Retry-After: ${retryAfter(next)}.`;
    this.say(`${codes.join(", ")}. ${last}`);
    this.draw();
  }

  seconds() {
    return `${(this.now / 1000).toFixed(1)} s`;
  }

  draw() {
    this.clock.textContent = this.seconds();
    const parts = this.bucket.look(this.now);
    const whole = Math.floor(parts / this.limit.per);
    this.tokens.setAttribute("aria-label", `${whole} of ${this.limit.burst} tokens`);
    this.tokens.replaceChildren(...Array.from({ length: this.limit.burst }, (_, index) => {
      const share = Math.max(0, Math.min(1, parts / this.limit.per - index));
      return h("span", { class: "lab-token" }, h("i", { style: `height: ${share * 100}%; margin-top: ${(1 - share) * 100}%` }));
    }), h("span", {}, `${whole} of ${this.limit.burst}`));
  }
});
