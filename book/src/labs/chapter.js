// A chapter of the course as a module of this page: the parser, the loop of a connection, and the application.

import { System } from "./wasi.js";

/** A file beside this script. Throws `reason` if it is missing. */
async function file(name, reason) {
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) throw new Error(reason ?? `${name} is missing: ${response.status}`);
  return response;
}

/** A running chapter. Its application keeps its state, such as the users, from one connection to the next. */
export class Chapter {
  constructor(module, options) {
    Object.assign(this, { module, options });
  }

  /**
   * Loads the chapter `name`, such as `ch04`. Throws what a reader can do when there is no module. `error` of the
   * chapter is what the compiler says, when the module is that of an earlier build.
   */
  static async load(name) {
    const { target, [name]: about } = await (await file("chapters.json")).json();
    if (!target) throw new Error("The chapters were not compiled for this page: `rustup target add wasm32-wasip1`, then build the book again.");
    const files = Object.entries(about.files).map(([path, { base64, modified }]) =>
      [path, { bytes: Uint8Array.from(atob(base64), character => character.charCodeAt(0)), modified }]);
    const source = await (await file(`${name}.wasm`, about.error)).arrayBuffer();
    const chapter = await Chapter.of(source, { files: new Map(files) });
    chapter.error = about.error;
    return chapter;
  }

  /** The chapter from the bytes of its module. */
  static async of(source, options = {}) {
    const chapter = new Chapter(await WebAssembly.compile(source), options);
    await chapter.restart();
    return chapter;
  }

  /** Starts the program again, without the state of the application. */
  async restart() {
    this.events = [];
    this.system = new System({ ...this.options, emit: (kind, value) => this.events.push({ kind, value, at: this.system.now }) });
    this.system.attach((await WebAssembly.instantiate(this.module, this.system.imports)).exports);
  }

  /**
   * Serves one connection, whose client sends `pieces`. The program gets one of them at a time; `every` is the time
   * between two of them in milliseconds, which must be less than any timeout of the program. After the last one the client
   * keeps the connection open, or sends its FIN.
   *
   * Returns what happened, in order: `received` and `sent` with the bytes, `logged` with the text, `finished` for the
   * server's FIN, and `closed`; `at` is the time on the clock of the program. A panic that the program does not catch
   * is `trapped`, and the program must be started again.
   */
  connect(pieces, { end = "fin", at = Date.now(), every = 0 } = {}) {
    this.system.now = Math.max(this.system.now, at);
    return this.call("serve", pieces, end, every);
  }

  /** What the parser reads in the bytes of a client: messages with their spans, and the rejection, if there is one. */
  explain(bytes) {
    return this.ask("explain", bytes);
  }

  /** Asks a lab of the chapter a question, see xtask/page/README.md. Throws what is wrong with the question. */
  lab(question) {
    const answer = this.ask("lab", new TextEncoder().encode(JSON.stringify(question)));
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  ask(name, bytes) {
    const sent = this.call(name, [bytes], "fin").filter(({ kind }) => kind === "sent");
    if (sent.length === 0) throw new Error("the module has ended; it must be started again");
    return JSON.parse(sent.map(({ value }) => new TextDecoder().decode(value)).join(""));
  }

  call(name, pieces, end, every = 0) {
    this.events = [];
    this.system.connection = { pieces: [...pieces], end, every };
    try {
      this.system.module[name]();
    } catch (trap) {
      this.events.push({ kind: "trapped", value: trap.message, at: this.system.now });
    }
    this.system.connection = null;
    return this.events;
  }
}
