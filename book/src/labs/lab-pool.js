// A thread pool with its queue, under a load that the reader makes.
import { Lab, Player, button, h, label, number } from "./lab.js";
import { Pool } from "./pool.js";

/** Ticks of an ordinary task. */
const ORDINARY = 3;

customElements.define("lab-pool", class extends Lab {
  name = "a thread pool and its queue";

  build(body) {
    this.size = { workers: 3, slots: 4 };
    this.workers = h("div", { class: "lab-row", "data-part": "workers" });
    this.queue = h("div", { class: "lab-row", "data-part": "queue" });
    this.counts = h("p", { "data-part": "counts" });
    this.player = new Player(() => this.tick(), { every: 700, onchange: () => this.playing() });
    this.play = button("Let time run", () => this.player.toggle(), { "aria-pressed": "false" });
    body.append(
      h("div", { class: "lab-bar" },
        label("Workers", number(3, 1, 8, workers => this.fresh({ workers }))),
        label("Slots in the queue", number(4, 0, 12, slots => this.fresh({ slots })))),
      h("div", { class: "lab-box" }, h("b", {}, "Workers"), this.workers),
      h("div", { class: "lab-box" }, h("b", {}, "Queue, the next task first"), this.queue),
      this.counts,
      h("div", { class: "lab-bar" },
        button("A task", () => this.submit(1, ORDINARY)), button("Five tasks", () => this.submit(5, ORDINARY)),
        button("A task that blocks", () => this.submit(1, Infinity)), button("Unblock", () => this.unblock()),
        button("A tick", () => this.tick()), this.play),
      this.status);
    this.fresh({});
  }

  stop() {
    this.player?.stop();
  }

  playing() {
    this.play.setAttribute("aria-pressed", String(this.player.playing));
  }

  fresh(change) {
    Object.assign(this.size, change);
    this.pool = new Pool(this.size.workers, this.size.slots);
    this.say(`${this.size.workers} idle workers. An ordinary task takes ${ORDINARY} ticks.`);
    this.draw();
  }

  submit(times, ticks) {
    let taken = 0;
    for (let count = 0; count < times; count++) taken += this.pool.submit(ticks);
    const lost = times - taken;
    this.say(lost === 0
      ? `${taken} taken. ${this.queued()}`
      : `${taken} taken, ${lost} rejected: all workers are busy and the queue is full. A server responds with 503 here, at once.`);
    this.draw();
  }

  unblock() {
    const count = this.pool.unblock();
    this.say(count === 0 ? "No task blocks, so there is nothing to unblock."
      : count === 1 ? "The task that blocked has what it waited for. It needs one more tick of a worker."
        : `The ${count} tasks that blocked have what they waited for. Each needs one more tick of a worker.`);
    this.draw();
  }

  tick() {
    const before = this.pool.completed;
    this.pool.tick();
    const ended = this.pool.completed - before;
    const stuck = this.pool.workers.filter(task => task?.left === Infinity).length;
    this.say(stuck === this.pool.workers.length
      ? "Every worker is in a task that blocks. Nothing moves until something unblocks them."
      : `${ended} ended. ${this.queued()}`);
    this.draw();
  }

  queued() {
    const count = this.pool.queue.length;
    return `${count} ${count === 1 ? "waits" : "wait"} in the queue.`;
  }

  draw() {
    const cell = (task, empty) => {
      if (!task) return h("span", { class: "lab-cell empty" }, empty);
      const blocks = task.left === Infinity;
      return h("span", { class: blocks ? "lab-cell stuck" : "lab-cell" },
        blocks ? `#${task.number} blocks` : `#${task.number}, ${task.left} left`);
    };
    this.workers.replaceChildren(...this.pool.workers.map(task => cell(task, "idle")));
    const free = Math.max(0, this.size.slots - this.pool.queue.length);
    this.queue.replaceChildren(...this.pool.queue.map(task => cell(task)),
      ...Array.from({ length: free }, () => cell(null, "free")));
    if (this.size.slots === 0) this.queue.append("no slots: a task that finds no idle worker is rejected");
    this.counts.textContent = `Completed: ${this.pool.completed}. Rejected: ${this.pool.rejected}.`;
  }
});
