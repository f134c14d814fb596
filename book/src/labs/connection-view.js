// A connection as a list of what happened, and what it has that another connection has not.
import { h } from "./lab.js";
import { hex, joined, lines, show } from "./wire.js";

/** Bytes of an event that are shown. */
const MAX_SHOWN = 4000;

const WORDS = {
  received: "client",
  sent: "server",
  logged: "log",
  finished: "server's FIN",
  closed: "closed",
  trapped: "the module stopped",
};

/** The lines in which two responses always differ. */
const VARYING = /^(date|x-request-id|x-run-token|last-modified): /i;

const isText = bytes => bytes.every(byte => (byte >= 32 && byte < 127) || byte === 10 || byte === 13 || byte === 9);

/** The bytes as lines of text. A body that is no text is one line, cut off. */
export function textLines(bytes) {
  const all = lines(bytes);
  const first = all.findIndex(line => !isText(line));
  if (first < 0) return all.map(show);
  const rest = bytes.subarray(all.slice(0, first).reduce((sum, line) => sum + line.length, 0));
  const cut = rest.length > 40 ? `… and ${rest.length - 40} more bytes` : "";
  return [...all.slice(0, first).map(show), show(rest.subarray(0, 40)) + cut];
}

/** All lines that the server sent, without those that always differ. */
export const sentLines = events => events.filter(({ kind }) => kind === "sent")
  .flatMap(({ value }) => textLines(value)).filter(line => !VARYING.test(line));

/** How many lines of `mine` are not in `others`, and a function that tells it of one line after the other. */
export function compare(mine, others) {
  const left = new Map();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  const differs = line => {
    if (VARYING.test(line)) return false;
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  };
  const known = new Set(others);
  return { differs, count: mine.filter(line => !known.has(line)).length };
}

/** The events with the reads that follow each other as one: a client may send a byte at a time. */
function merge(events) {
  const merged = [];
  for (const { kind, value, at } of events) {
    const last = merged.at(-1);
    if (kind !== "received" || last?.kind !== kind) merged.push({ kind, at, until: at, values: [value] });
    else {
      last.values.push(value);
      last.until = at;
    }
  }
  return merged;
}

const seconds = time => `${(time / 1000).toFixed(1)} s`;

/** The list of the events. `differs` marks a line that the server sent; `numbers` shows bytes as numbers. */
export function draw(events, { start, differs = () => false, numbers = false }) {
  return merge(events).map(({ kind, at, until, values }) => {
    const time = until > at ? `${seconds(at - start)} to ${seconds(until - start)}` : seconds(at - start);
    const isBytes = kind === "received" || kind === "sent";
    const bytes = isBytes ? joined(values) : null;
    const size = isBytes ? `${bytes.length} ${bytes.length === 1 ? "byte" : "bytes"}` : null;
    const pieces = kind === "received" && values.length > 1 ? `in ${values.length} reads` : null;
    const head = [time, kind === "closed" ? "both directions are closed" : WORDS[kind], size, pieces].filter(Boolean).join(" · ");
    return h("li", { class: `lab-event ${kind}` }, h("span", { class: "lab-event-head" }, head),
      isBytes ? h("pre", {}, numbers ? hex(bytes.subarray(0, MAX_SHOWN)) : content(kind, bytes, differs)) : null,
      isBytes && bytes.length > MAX_SHOWN ? h("span", {}, `The first ${MAX_SHOWN} bytes are shown.`) : null,
      kind === "logged" || kind === "trapped" ? h("pre", {}, values.join("").trim()) : null);
  });
}

function content(kind, bytes, differs) {
  const shown = textLines(bytes.subarray(0, MAX_SHOWN));
  return shown.flatMap((line, index) => {
    const end = index + 1 < shown.length ? "\n" : "";
    return kind === "sent" && differs(line) ? [h("mark", {}, `≠ ${line}`), end] : [line + end];
  });
}
