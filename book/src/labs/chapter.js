// A chapter of the course as a module of this page: the parser, the loop of a connection, and the application.

import { System } from "./wasi.js";

/** What `read` makes of a file beside this script. Throws `reason` if the file is missing. */
async function file(name, read, reason) {
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) throw new Error(reason ?? `${name} is missing (${response.status}). Build the book again.`);
  try {
    return await read(response);
  } catch (error) {
    throw new Error(`${name} is damaged: ${error.message}. Build the book again.`);
  }
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
    const { target, [name]: about } = await file("chapters.json", response => response.json());
    if (!target) throw new Error("The chapters were not compiled for this page: `rustup target add wasm32-wasip1`, then build the book again.");
    if (!about) throw new Error(`chapters.json does not have ${name}. Build the book again.`);
    const files = Object.entries(about.files).map(([path, { base64, modified }]) =>
      [path, { bytes: Uint8Array.from(atob(base64), character => character.charCodeAt(0)), modified }]);
    const compile = async response => Chapter.of(await response.arrayBuffer(), { files: new Map(files) });
    const chapter = await file(`${name}.wasm`, compile, about.error);
    chapter.error = about.error;
    return chapter;
  }

  /** The chapter from the bytes of its module. */
  static async of(source, options = {}) {
    const chapter = new Chapter(await WebAssembly.compile(source), options);
    await chapter.restart();
    return chapter;
  }

  /** Starts the program again, without the state of the application. Until then the old program serves. */
  async restart() {
    const system = new System({ ...this.options, emit: (kind, value) => this.events.push({ kind, value, at: system.now }) });
    const { exports } = await WebAssembly.instantiate(this.module, system.imports);
    this.events = [];
    system.attach(exports);
    Object.assign(this, { system, hasStopped: false });
  }

  /**
   * Serves one connection, whose client sends `pieces`. The program gets one of them at a time; `every` is the time
   * between two of them in milliseconds, which must be less than any timeout of the program. After the last one the client
   * keeps the connection open, or sends its FIN.
   *
   * Returns what happened, in order: `received` and `sent` with the bytes, `logged` with the text, `finished` for the
   * server's FIN, and `closed`; `at` is the time on the clock of the program. A panic that the program does not catch
   * is `trapped`; then `hasStopped` is true, and the program must be started again.
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
    const events = this.call(name, [bytes], "fin");
    const trap = events.find(({ kind }) => kind === "trapped");
    if (trap) throw new Error(`The chapter has stopped: ${trap.value}. The next try starts it again.`);
    const sent = events.filter(({ kind }) => kind === "sent");
    return JSON.parse(sent.map(({ value }) => new TextDecoder().decode(value)).join(""));
  }

  call(name, pieces, end, every = 0) {
    this.events = [];
    this.system.connection = { pieces: [...pieces], end, every };
    try {
      this.system.module[name]();
    } catch (trap) {
      this.hasStopped = true;
      this.events.push({ kind: "trapped", value: trap.message, at: this.system.now });
    }
    this.system.connection = null;
    return this.events;
  }
}
