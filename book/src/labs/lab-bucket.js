// The token bucket of chapter 5: its rate limit responds to requests, on a clock that the reader moves.
import { Lab, Player, button, h, label, number } from "./lab.js";
import { output, request, responses } from "./wire.js";

const TICK = 100;
const GET = request("GET / HTTP/1.1");

/** The whole tokens in a level. The times that the chapter reports are rounded. */
const whole = level => Math.floor(level + 1e-6);

customElements.define("lab-bucket", class extends Lab {
  name = "a token bucket and its clock";

  build(body) {
    this.limit = { burst: 5, rate: 1, per_ms: 1000 };
    this.clock = h("span", { class: "mono", "data-part": "clock" });
    this.tokens = h("div", { class: "lab-row", "data-part": "tokens", role: "img" });
    this.list = h("ol", { class: "lab-steps", tabindex: "0", "aria-label": "The last responses" });
    this.player = new Player(() => this.pass(TICK), { every: TICK, onchange: () => this.playing() });
    this.play = button("Let the clock run", () => this.player.toggle(), { "aria-pressed": "false" });
    body.append(
      h("div", { class: "lab-bar" },
        label("Burst", number(5, 1, 20, burst => this.fresh({ burst }))),
        label("Tokens a second", number(1, 1, 20, rate => this.fresh({ rate })))),
      h("p", {}, "Clock: ", this.clock), this.tokens,
      h("div", { class: "lab-bar" },
        button("A request", () => this.send(1)), button("Six requests", () => this.send(6)),
        button("Wait 0.1 s", () => this.wait(100)), button("Wait 1 s", () => this.wait(1000)), this.play),
      this.status, this.list);
    this.fresh({});
  }

  stop() {
    this.player?.stop();
  }

  playing() {
    this.play.setAttribute("aria-pressed", String(this.player.playing));
    if (this.player.playing) this.say("The clock runs.");
    else this.sayLevel();
  }

  /** A full bucket, at zero. */
  fresh(change) {
    Object.assign(this.limit, change);
    Object.assign(this, { now: 0, takes: [], start: null });
    this.list.replaceChildren();
    this.say("The bucket is full. A request takes a token, in the rate limit of chapter 5.");
    this.draw(this.limit.burst);
  }

  pass(time) {
    this.now += time;
    this.draw(this.level());
  }

  wait(time) {
    this.pass(time);
    this.sayLevel();
  }

  /** Replaces the sentence about the last response, which is out of date when time has passed. */
  sayLevel() {
    this.say(`At ${this.seconds()} the bucket has ${whole(this.level())} of ${this.limit.burst} tokens.`);
  }

  send(times) {
    return this.attempt(async () => {
      this.program = await this.chapter("ch05");
      if (this.start === null) {
        this.program.lab({ lab: "layers", order: ["rate-limit"], ...this.limit });
        // The clock of the program never runs backwards, so the zero of this lab is a later time in it.
        this.start = Math.max(Date.now(), this.program.system.now);
      }
      const received = Array.from({ length: times }, () => this.take());
      while (this.list.children.length > 40) this.list.firstChild.remove();
      this.list.scrollTop = this.list.scrollHeight;
      const { remaining, next_ms: next } = this.ask(this.takes).taken.at(-1);
      const { status, get } = received.at(-1);
      const last = status === 200
        ? `${remaining} ${remaining === 1 ? "token is" : "tokens are"} left.`
        : `The bucket has no whole token. It has one in ${Math.ceil(next)} ms, so the response has Retry-After: ${get("retry-after")}.`;
      this.say(`${received.map(({ status }) => status).join(", ")}. ${last}`);
      this.draw(this.level());
    });
  }

  /** Sends a request through the rate limit, and lists the response. */
  take() {
    const [response] = responses(output(this.program.connect([GET], { at: this.start + this.now })));
    this.takes.push(this.now);
    const { status, get } = response;
    const shown = [`RateLimit-Remaining: ${get("ratelimit-remaining")}`];
    if (get("retry-after")) shown.push(`Retry-After: ${get("retry-after")}`);
    this.list.append(h("li", {}, `${this.seconds()}: ${status}, ${shown.join(", ")}`));
    return response;
  }

  /** What the bucket decides at these times, and would decide now. */
  ask(takes) {
    return this.program.lab({ lab: "bucket", ...this.limit, takes, now: this.now });
  }

  /** The tokens in the bucket now, with the fraction that has been added since the last whole one. */
  level() {
    if (this.takes.length === 0) return this.limit.burst;
    const { allowed, full_ms: full } = this.ask(this.takes).now;
    const { burst, rate, per_ms: per } = this.limit;
    return Math.max(0, burst - (full * rate) / per + (allowed ? 1 : 0));
  }

  seconds() {
    return `${(this.now / 1000).toFixed(1)} s`;
  }

  draw(level) {
    this.clock.textContent = this.seconds();
    const shown = `${whole(level)} of ${this.limit.burst}`;
    this.tokens.setAttribute("aria-label", `${shown} tokens`);
    this.tokens.replaceChildren(...Array.from({ length: this.limit.burst }, (_, index) => {
      const fill = h("i");
      fill.style.height = `${Math.max(0, Math.min(1, level - index)) * 100}%`;
      return h("span", { class: "lab-token" }, fill);
    }), h("span", {}, shown));
  }
});
