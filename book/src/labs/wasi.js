// The system that a chapter's module runs on: files, a clock, and one connection, all in this page. These are the calls
// of WASI preview 1 that the standard library of wasm32-wasip1 makes; every other call fails with NOSYS.

const BADF = 8, AGAIN = 6, INVAL = 28, ISDIR = 31, NOENT = 44, NOSYS = 52;
const DIRECTORY = 3, REGULAR = 4, SOCKET = 6;
const ROOT = 3, SOCKET_PATH = "dev/tcp", TRACE_PATH = "dev/trace";
const text = new TextDecoder(), bytes = new TextEncoder();

/** What a module imports, and what the page sees of it. */
export class System {
  /** `files` maps paths such as `public/a.txt` to `{ bytes, modified }`, the latter in milliseconds since 1970. */
  constructor({ args = [], files = new Map(), emit = () => {} } = {}) {
    Object.assign(this, { args: ["server", ...args].map(arg => bytes.encode(`${arg}\0`)), files, emit });
    /** The time in milliseconds since 1970. It passes only when the page sets it, and when the program sleeps. */
    this.now = Date.now();
    /** What `/dev/tcp` is: `{ pieces, end }`. */
    this.connection = null;
    this.open = new Map([[ROOT, { path: "" }]]);
    const calls = Object.getOwnPropertyNames(System.prototype).filter(name => name.includes("_"));
    const wasi = Object.fromEntries(calls.map(name => [name, (...args) => this[name](...args) ?? 0]));
    this.imports = {
      wasi_snapshot_preview1: new Proxy(wasi, { get: (known, name) => known[name] ?? (() => NOSYS) }),
      page: { attempt: task => this.attempt(task) },
    };
  }

  /** Must be called with the exports of the module before it runs. */
  attach(exports) {
    this.module = exports;
    exports._initialize?.();
  }

  /** Calls the module again, and returns 1 if it traps: a panic has unwound the stack up to here. */
  attempt(task) {
    try {
      this.module.run(task);
      return 0;
    } catch (trap) {
      if (!(trap instanceof WebAssembly.RuntimeError)) throw trap;
      return 1;
    }
  }

  get view() { return new DataView(this.module.memory.buffer); }
  slice(at, length) { return new Uint8Array(this.module.memory.buffer, at, length); }
  path(at, length) {
    const parts = text.decode(this.slice(at, length)).split("/").filter(part => part && part !== ".");
    return parts.join("/");
  }
  u32(at, value) { this.view.setUint32(at, value, true); }
  u64(at, value) { this.view.setBigUint64(at, BigInt(value), true); }
  nanoseconds() { return BigInt(Math.round(this.now * 1000)) * 1000n; }

  // The program's arguments; it has no environment.
  args_sizes_get(count, size) {
    this.u32(count, this.args.length);
    this.u32(size, this.args.reduce((sum, arg) => sum + arg.length, 0));
  }
  args_get(pointers, at) {
    for (const arg of this.args) {
      this.u32(pointers, at);
      this.slice(at, arg.length).set(arg);
      [pointers, at] = [pointers + 4, at + arg.length];
    }
  }
  environ_sizes_get(count, size) { this.u32(count, 0); this.u32(size, 0); }
  environ_get() {}

  clock_time_get(_clock, _precision, out) { this.u64(out, this.nanoseconds()); }
  random_get(at, length) { crypto.getRandomValues(this.slice(at, length)); }
  proc_exit(code) { throw new Error(`the program has exited with ${code}`); }

  /** Only sleeps: they end at once, and the clock has moved. */
  poll_oneoff(subscription, event, _count, done) {
    const [time, flags] = [this.view.getBigUint64(subscription + 24, true), this.view.getUint16(subscription + 40, true)];
    const until = flags & 1 ? Number(time) / 1e6 : this.now + Number(time) / 1e6;
    this.now = Math.max(this.now, until);
    this.slice(event, 32).fill(0);
    this.u64(event, this.view.getBigUint64(subscription, true));
    this.u32(done, 1);
  }

  // Files. The only directory that is open from the start is the root.
  fd_prestat_get(fd, out) {
    if (fd !== ROOT) return BADF;
    this.u32(out, 0);
    this.u32(out + 4, 1);
  }
  fd_prestat_dir_name(_fd, at) { this.slice(at, 1)[0] = "/".charCodeAt(0); }
  kind(path) {
    if (path === SOCKET_PATH || path === TRACE_PATH) return SOCKET;
    if (this.files.has(path)) return REGULAR;
    const prefix = path && `${path}/`;
    return [...this.files.keys()].some(file => file.startsWith(prefix)) ? DIRECTORY : null;
  }
  stat(path, out) {
    const kind = this.kind(path);
    if (kind === null) return NOENT;
    const { bytes = [], modified = 0 } = this.files.get(path) ?? {};
    this.slice(out, 64).fill(0);
    this.slice(out + 16, 1)[0] = kind;
    this.u64(out + 8, [...this.files.keys()].indexOf(path) + 2);
    this.u64(out + 32, bytes.length);
    for (const at of [40, 48, 56]) this.u64(out + at, BigInt(Math.round(modified)) * 1000000n);
  }
  path_filestat_get(fd, _flags, at, length, out) { return this.stat(this.beneath(fd, at, length), out); }
  fd_filestat_get(fd, out) { return this.open.has(fd) ? this.stat(this.open.get(fd).path, out) : BADF; }
  path_readlink(fd, at, length) { return this.kind(this.beneath(fd, at, length)) === null ? NOENT : INVAL; }
  beneath(fd, at, length) {
    return [this.open.get(fd)?.path, this.path(at, length)].filter(part => part).join("/");
  }
  path_open(fd, _dirflags, at, length, _oflags, _base, _inheriting, _fdflags, out) {
    const path = this.beneath(fd, at, length);
    if (this.kind(path) === null || (path === SOCKET_PATH && !this.connection)) return NOENT;
    let free = ROOT + 1;
    while (this.open.has(free)) free += 1;
    this.open.set(free, { path, at: 0, connection: path === SOCKET_PATH ? this.connection : null });
    this.u32(out, free);
  }
  fd_fdstat_get(fd, out) {
    if (fd >= ROOT && !this.open.has(fd)) return BADF;
    this.slice(out, 24).fill(0);
    this.slice(out, 1)[0] = fd < ROOT ? 2 : this.kind(this.open.get(fd).path);
    for (const at of [8, 16]) this.u64(out + at, 0xffffffffffffffffn);
  }
  fd_readdir(fd, at, size, cookie, used) {
    if (!this.open.has(fd)) return BADF;
    const prefix = this.open.get(fd).path && `${this.open.get(fd).path}/`;
    const below = [...this.files.keys()].filter(file => file.startsWith(prefix));
    const names = [...new Set(below.map(file => file.slice(prefix.length).split("/")[0]))];
    let end = 0;
    for (const [index, name] of names.entries()) {
      if (index < Number(cookie) || end === size) continue;
      const encoded = bytes.encode(name);
      const entry = new Uint8Array(24 + encoded.length);
      const view = new DataView(entry.buffer);
      view.setBigUint64(0, BigInt(index + 1), true);
      view.setUint32(16, encoded.length, true);
      view.setUint8(20, this.kind(prefix + name));
      entry.set(encoded, 24);
      // An entry that does not fit is cut off, and the program reads it again with a larger buffer.
      const fits = entry.subarray(0, size - end);
      this.slice(at + end, fits.length).set(fits);
      end += fits.length;
    }
    this.u32(used, end);
  }
  fd_seek(fd, offset, whence, out) {
    const file = this.open.get(fd);
    if (!file || file.connection) return BADF;
    const from = [0, file.at, this.files.get(file.path)?.bytes.length ?? 0][whence];
    file.at = from + Number(offset);
    this.u64(out, file.at);
  }
  fd_close(fd) {
    const { connection } = this.open.get(fd) ?? {};
    if (connection) this.emit("closed");
    return this.open.delete(fd) ? 0 : BADF;
  }

  // Reading and writing: files, the connection, and the two outputs.
  vectors(at, count) {
    return Array.from({ length: count }, (_, index) =>
      this.slice(this.view.getUint32(at + 8 * index, true), this.view.getUint32(at + 8 * index + 4, true)));
  }
  fd_read(fd, vectors, count, out) {
    const file = this.open.get(fd);
    if (!file) return BADF;
    const room = this.vectors(vectors, count).find(room => room.length > 0) ?? new Uint8Array();
    const piece = file.connection ? this.receive(file.connection, room.length) : this.content(file, room.length);
    if (typeof piece === "number") return piece;
    room.set(piece);
    this.u32(out, piece.length);
  }
  content(file, length) {
    if (!this.files.has(file.path)) return ISDIR;
    const piece = this.files.get(file.path).bytes.subarray(file.at, file.at + length);
    file.at += piece.length;
    return piece;
  }
  receive(connection, length) {
    const { pieces, end } = connection;
    while (pieces.length && pieces[0].length === 0) {
      pieces.shift();
      connection.late = connection.every ?? 0;
    }
    if (pieces.length === 0) return end === "open" ? AGAIN : new Uint8Array();
    // The time until the piece has arrived.
    this.now += connection.late ?? 0;
    connection.late = 0;
    const piece = pieces[0].subarray(0, length);
    pieces[0] = pieces[0].subarray(length);
    this.emit("received", piece);
    return piece;
  }
  fd_write(fd, vectors, count, out) {
    const parts = this.vectors(vectors, count);
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
    if (fd < ROOT) this.emit("logged", text.decode(whole));
    else if (this.open.get(fd)?.connection) this.emit("sent", whole);
    else if (this.open.get(fd)?.path === TRACE_PATH) this.emit("traced", JSON.parse(text.decode(whole)));
    else return BADF;
    this.u32(out, whole.length);
  }
  sock_shutdown(_fd, how) { if (how & 2) this.emit("finished"); }
}
