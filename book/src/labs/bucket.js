// A token bucket in whole numbers, with the arithmetic of chapter 5. Times are milliseconds. No DOM here.

/** `burst` tokens at most; `rate` of them drop in within every `per` milliseconds. */
export class Bucket {
  constructor({ burst, rate, per }, now) {
    Object.assign(this, { burst, rate, per, updated: now });
    this.parts = this.full();
  }

  /** A token has as many parts as its period has milliseconds, so `rate` parts drop in each of them. */
  full() {
    return this.burst * this.per;
  }

  /** What has dropped in by now. */
  look(now) {
    const passed = Math.max(0, now - this.updated);
    return Math.min(this.full(), this.parts + passed * this.rate);
  }

  /** Takes a token, if there is one. */
  take(now) {
    this.parts = this.look(now);
    this.updated = Math.max(this.updated, now);
    const allowed = this.parts >= this.per;
    if (allowed) this.parts -= this.per;
    return {
      allowed,
      remaining: Math.floor(this.parts / this.per),
      next: Math.ceil(Math.max(0, this.per - this.parts) / this.rate),
      full: Math.ceil((this.full() - this.parts) / this.rate),
    };
  }
}

/** Whole seconds, rounded up, at least one: a client that comes earlier would be refused again. */
export const retryAfter = next => Math.max(1, Math.ceil(next / 1000));
