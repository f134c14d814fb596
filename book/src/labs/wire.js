// Bytes that are typed, and the server that tries them.

/** Where a server is looked for when the page does not come from one: `cargo run -p labs`. */
const ELSEWHERE = "http://127.0.0.1:8080";
const PATIENCE = 5000;
let known = null;

/** The address of a server that takes bytes, or null. It is looked for when a lab is used, and not before. */
async function find() {
  for (const base of new Set([location.origin, ELSEWHERE])) {
    if (!base.startsWith("http")) continue;
    try {
      const signal = AbortSignal.timeout(PATIENCE);
      const answer = await fetch(`${base}/labs/info`, { credentials: "omit", cache: "no-store", signal });
      if (answer.ok && (await answer.json()).labs === 2) return base;
    } catch {
      // Nobody is there, or this page may not ask.
    }
  }
  return null;
}

const NOBODY = "No server is running that could try this. Start one with cargo run -p labs, and press the button again.";

/** Has bytes tried. Returns the server's report, or throws an error with a sentence for the reader. */
export async function tryBytes(bytes) {
  const headers = { "Content-Type": "application/octet-stream" };
  // Trying leaves no trace, so it may be done twice: a server that was started again is found.
  for (let attempt = 0; attempt < 2; attempt++) {
    known ??= await find();
    if (!known) break;
    let answer;
    try {
      const signal = AbortSignal.timeout(PATIENCE);
      answer = await fetch(`${known}/labs/wire`, { method: "POST", headers, body: bytes, credentials: "omit", signal });
    } catch {
      known = null;
      continue;
    }
    const report = await answer.json().catch(() => ({ message: "and nothing that can be read" }));
    if (!answer.ok) throw new Error(`The server says ${answer.status}: ${report.message}.`);
    return { ...report, elsewhere: known !== location.origin };
  }
  throw new Error(NOBODY);
}

const NAMED = { r: 13, n: 10, t: 9, 0: 0, "\\": 92 };

/** The bytes of a text in which `\r`, `\n`, `\t`, `\0`, `\xNN` and `\\` stand for bytes. Line breaks are for the eye. */
export function encode(text) {
  const bytes = [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === "\n" || char === "\r") continue;
    if (char !== "\\") {
      const whole = String.fromCodePoint(text.codePointAt(at));
      bytes.push(...new TextEncoder().encode(whole));
      at += whole.length - 1;
      continue;
    }
    const next = text[++at];
    const hex = /^x([0-9a-fA-F]{2})/.exec(text.slice(at));
    if (hex) {
      bytes.push(parseInt(hex[1], 16));
      at += 2;
    } else if (Object.hasOwn(NAMED, next ?? "")) bytes.push(NAMED[next]);
    else throw new Error(`A backslash begins \\r, \\n, \\t, \\0, \\xNN or \\\\, and not \\${next ?? ""}.`);
  }
  return Uint8Array.from(bytes);
}

/** Bytes as they are typed. */
export function show(bytes) {
  const named = { 13: "\\r", 10: "\\n", 9: "\\t", 0: "\\0", 92: "\\\\" };
  let text = "";
  for (const byte of bytes) {
    if (named[byte]) text += named[byte];
    else if (byte >= 32 && byte < 127) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return text;
}

/** Bytes as numbers. */
export const hex = bytes => Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join(" ");

/** The bytes of an answer. */
export const output = report => Uint8Array.from(atob(report.output), char => char.charCodeAt(0));

/** Where a rule such as "RFC 9112 section 5.1" stands. */
export function link(rule) {
  const parts = /^RFC (\d+) section ([\d.]+)$/.exec(rule ?? "");
  return parts && `https://www.rfc-editor.org/rfc/rfc${parts[1]}#section-${parts[2]}`;
}

/** A sentence about CORS, when the server is not where the page comes from. */
export function origins(report) {
  if (!report.elsewhere) return [];
  const sentence = document.createElement("span");
  const more = document.createElement("a");
  more.href = new URL("../part4/cors.html", import.meta.url);
  more.textContent = "CORS";
  sentence.append("This page and the server are two origins, and the server allows it: that is ", more, ".");
  return [sentence];
}

/** What the server did with each message, in a sentence. */
export function outcomes({ messages, rejection }) {
  const words = {
    responded: message => `responded with ${message.status}`,
    rejected: message => `rejected with ${message.status}: ${rejection?.text}`,
    incomplete: message => `not complete${message.interim ? "; the server has said 100 Continue" : ""}`,
    unread: () => "never looked at",
  };
  return messages.map((message, index) => {
    const { from, to, outcome } = message;
    const text = (words[outcome] ?? (() => outcome))(message);
    return `${index + 1}. Bytes ${from} to ${to - 1}: ${text}.`;
  });
}
