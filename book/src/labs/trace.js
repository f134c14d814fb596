// What the parser reads in bytes: each part in its place, one of them in front.
import { h } from "./lab.js";
import { link, show } from "./wire.js";

/** Parts that are drawn. A reader does not follow more of them, and a page should not hold more. */
const MAX_PARTS = 2000;

/** The spans of all messages, in order. */
export const spans = report => report.messages.flatMap(({ spans }) => spans).slice(0, MAX_PARTS);

/** Names of parts that are not plain words. */
const NAMES = { crlf: "CRLF", ows: "optional whitespace" };

const range = ({ from, to }) => to - from === 1 ? `Byte ${from}` : `Bytes ${from} to ${to - 1}`;

/** What a span is, as text and a link to its rule. */
export function describe({ from, to, part, rule }) {
  const line = [`${range({ from, to })}: ${NAMES[part] ?? part.replaceAll("-", " ")}. `];
  if (rule) line.push(link(rule) ? h("a", { href: link(rule) }, rule) : rule, ". ");
  return line;
}

/** The elements of the spans. */
export const parts = (input, spans) => spans.map(({ from, to, part, blame }) =>
  h("span", { class: blame ? "lab-part blame" : "lab-part", "data-name": part }, show(input.subarray(from, to))));

/** The elements with a line break after each line, and the bytes after them that no parser reads. */
export function layOut(input, spans, parts) {
  const all = parts.flatMap((part, index) => input[spans[index].to - 1] === 10 ? [part, "\n"] : [part]);
  const rest = input.subarray(spans.at(-1)?.to ?? 0);
  return rest.length ? [...all, h("span", { class: "lab-unread" }, show(rest))] : all;
}

/** The methods of the requests. */
export const methods = (input, report) => report.messages.map(({ spans }) => {
  const method = spans.find(({ part }) => part === "method");
  return method ? show(input.subarray(method.from, method.to)) : "";
});

/** What the server did with each message, in a sentence each. `responses` are those of the connection, in order. */
export function outcomes(report, responses) {
  const waiting = [...responses];
  return report.messages.map(({ from, to, complete, rejection }, index) => {
    const interim = [];
    while (waiting[0]?.status < 200) interim.push(waiting.shift().status);
    const response = waiting.shift();
    const rejected = rejection ? `rejected with ${rejection.status}: ${rejection.text}` : null;
    const outcome = rejected
      ?? (complete ? (response ? `responded with ${response.status}` : "never looked at")
        : `not complete${response ? `; responded with ${response.status}` : ""}`);
    const hint = interim.length ? ` after ${interim.join(", ")}` : "";
    return `${index + 1}. ${range({ from, to })}: ${outcome}${hint}.`;
  });
}
