// A pool of workers behind a bounded queue, one tick after the other. No DOM here.

export class Pool {
  constructor(workers, slots) {
    this.workers = Array.from({ length: workers }, () => null);
    this.slots = slots;
    this.queue = [];
    this.count = 0;
    this.completed = 0;
    this.rejected = 0;
  }

  /** Gives the pool a task of so many ticks; one of `Infinity` blocks. Says whether it was taken. */
  submit(ticks) {
    const task = { number: ++this.count, left: ticks };
    // A worker that sleeps on the empty queue takes it at once.
    const idle = this.workers.indexOf(null);
    if (idle >= 0 && this.queue.length === 0) this.workers[idle] = task;
    else if (this.queue.length < this.slots) this.queue.push(task);
    else {
      this.rejected++;
      return false;
    }
    return true;
  }

  /** A tick passes: tasks go on, end, and make room for those who wait. */
  tick() {
    this.workers.forEach((task, index) => {
      if (task && --task.left <= 0) {
        this.workers[index] = null;
        this.completed++;
      }
    });
    this.fill();
  }

  /** What all tasks that block have waited for is there. Returns the number of these tasks. */
  unblock() {
    const blocked = this.workers.concat(this.queue).filter(task => task?.left === Infinity);
    for (const task of blocked) task.left = 1;
    return blocked.length;
  }

  fill() {
    this.workers.forEach((task, index) => {
      if (!task && this.queue.length > 0) this.workers[index] = this.queue.shift();
    });
  }
}
