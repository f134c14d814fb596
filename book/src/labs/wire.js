// Bytes as a reader types and sees them, and the messages in them. No DOM here.

const NAMED = { r: 13, n: 10, t: 9, 0: 0, "\\": 92 };
const latin1 = new TextDecoder("latin1");

/** Bytes that a lab takes, as many as the server of the labs does. More of them would make the page wait for seconds. */
const MAX_BYTES = 65536;

const utf8 = new TextEncoder();

/** The bytes of a text in which `\r`, `\n`, `\t`, `\0`, `\xNN` and `\\` stand for bytes. Line breaks are for the eye. */
export function encode(text) {
  const bytes = [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === "\n" || char === "\r") continue;
    if (bytes.length >= MAX_BYTES) throw new Error(`These are more than ${MAX_BYTES} bytes, which is all that a lab takes.`);
    if (char !== "\\") {
      const whole = String.fromCodePoint(text.codePointAt(at));
      bytes.push(...utf8.encode(whole));
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

/** Bytes as they are typed, with a line break after each line. */
export const showLines = bytes => lines(bytes).map(show).join("\n");

/** Bytes as numbers. */
export const hex = bytes => Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join(" ");

/** A request without a body, as bytes. `Host` is added. */
export const request = (line, ...fields) =>
  new TextEncoder().encode([line, "Host: a", ...fields, "", ""].join("\r\n"));

/** The lines of bytes, each with its line end. */
export function lines(bytes) {
  const found = [];
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(10, from);
    const to = end < 0 ? bytes.length : end + 1;
    found.push(bytes.subarray(from, to));
    from = to;
  }
  return found;
}

/** The parts as one. */
export function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole;
}

/** All bytes that the server sent in the events of a connection. */
export function output(events) {
  return joined(events.filter(({ kind }) => kind === "sent").map(({ value }) => value));
}

/**
 * The responses in the bytes of a server: the status line, the status, the fields, `get` for a field's value, the bytes
 * of the header section, and the body without chunks. `methods` are those of the requests, because a response to HEAD has no body.
 */
export function responses(bytes, methods = []) {
  const found = [];
  const all = latin1.decode(bytes);
  for (let at = 0, answered = 0; at < bytes.length;) {
    const end = all.indexOf("\r\n\r\n", at);
    if (end < 0) break;
    const [line, ...fieldLines] = all.slice(at, end).split("\r\n");
    const fields = fieldLines.map(one => [one.slice(0, one.indexOf(":")), one.slice(one.indexOf(":") + 1).trim()]);
    const get = name => fields.find(([one]) => one.toLowerCase() === name)?.[1];
    const status = Number(line.split(" ")[1]);
    const isEmpty = status < 200 || status === 204 || status === 304 || methods[answered] === "HEAD";
    const from = end + 4;
    const head = bytes.subarray(at, from);
    let body = new Uint8Array();
    [at, body] = isEmpty ? [from, body]
      : /chunked/i.test(get("transfer-encoding") ?? "") ? unchunk(bytes, all, from)
        : take(bytes, from, from + Number(get("content-length") ?? bytes.length));
    if (status >= 200) answered += 1;
    found.push({ line, status, fields, get, head, body });
  }
  return found;
}

const take = (bytes, from, to) => [Math.min(to, bytes.length), bytes.subarray(from, to)];

function unchunk(bytes, all, from) {
  const chunks = [];
  for (let at = from; ;) {
    const line = all.indexOf("\r\n", at);
    const size = parseInt(all.slice(at, line), 16);
    if (line < 0 || !(size > 0)) return [line < 0 ? bytes.length : line + 4, joined(chunks)];
    chunks.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}

/** The address of a rule such as "RFC 9112 section 5.1". */
export function link(rule) {
  const parts = /^RFC (\d+) section ([\d.]+)$/.exec(rule ?? "");
  return parts && `https://www.rfc-editor.org/rfc/rfc${parts[1]}#section-${parts[2]}`;
}
