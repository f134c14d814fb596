// What the request console can send: clients, what browsers and networks do, and the attacks of the smuggling table.
import { show } from "./wire.js";

const lines = (...all) => all.map(line => `${line}\\r\\n`).join("\n");
const GET = (...fields) => lines("GET / HTTP/1.1", "Host: 127.0.0.1:8080", ...fields, "");

/**
 * Groups of presets. A preset is what the field, the choices and the fields of the console are set to, and what to
 * notice: `text`; `pieces`, one of PIECES in lab-console.js; `every`, milliseconds between two pieces; `end`.
 */
export const GROUPS = {
  Clients: [
    { name: "curl", text: lines("GET / HTTP/1.1", "Host: 127.0.0.1:8080", "User-Agent: curl/8.5.0", "Accept: */*", ""),
      says: "A client that asks for nothing in particular." },
    { name: "a browser", text: GET(
      "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
      "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Accept-Language: en-US,en;q=0.5",
      "Accept-Encoding: gzip, deflate, br, zstd", "Connection: keep-alive", "Upgrade-Insecure-Requests: 1",
      "Sec-Fetch-Dest: document", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: none", "Sec-Fetch-User: ?1", "Priority: u=0, i"),
      end: "open", says: "It accepts HTML and gzip, and keeps the connection. The server closes it after five idle seconds." },
    { name: "a form of a browser", text: `${lines("POST /users HTTP/1.1", "Host: 127.0.0.1:8080", "Content-Type: application/json", "Content-Length: 14", "")}\n{"name":"Ada"}`,
      says: "Chapter 3 has no /users. From chapter 4 on, send it twice: the program keeps its users between two connections." },
  ],
  "What browsers, networks and attackers do": [
    { name: "a connection without a request", text: "", end: "open",
      says: "Browsers open connections before they need them. The server waits five seconds for a first byte, and closes." },
    { name: "the page and its favicon", text: `${GET()}\n${lines("GET /favicon.ico HTTP/1.1", "Host: 127.0.0.1:8080", "")}`, pieces: "requests",
      says: "Two requests on one connection. The 404 has a length, so the connection can be used again." },
    { name: "half a request, and the client is gone", text: "GET / HTTP/1.1\\r\\n\nHo",
      says: "The rest cannot arrive any more, so the server closes without a response." },
    { name: "half a request, and nothing more", text: "GET / HTTP/1.1\\r\\n\nHo", end: "open",
      says: "The server waits ten seconds for the rest of the header section, and responds with 408." },
    { name: "slowloris: a byte each second", text: GET("X-Slow: yes"), pieces: "bytes", every: 1000, end: "open",
      says: "Each byte is early enough for a timeout that starts again with every read. The deadline of the header section does not move." },
    { name: "a request, and then an idle connection", text: GET(), end: "open",
      says: "Keep-alive: the connection could carry another request, and holds a worker. After five seconds the server closes it." },
    { name: "a body that looks like a request", text: `${lines("POST /nothing HTTP/1.1", "Host: a", "Content-Length: 15", "")}\nGET / HTTP/1.1\\n\n${GET("Connection: close")}`,
      says: "The server reads the body although no handler wants it. A server that skips it takes it for the next request." },
    { name: "a body that is too large", text: `${lines("POST /echo HTTP/1.1", "Host: a", "Content-Length: 12000000", "")}\nThe first bytes of it`, pieces: "lines", end: "open",
      says: "The server responds before the body has arrived, sends FIN, and then reads and discards: a lingering close." },
    { name: "Expect: 100-continue", text: lines("POST /echo HTTP/1.1", "Host: a", "Content-Length: 5", "Expect: 100-continue", ""), end: "open",
      says: "The client waits for 100 Continue before it sends the body. This one never sends it." },
    { name: "a client of HTTP/1.0", text: lines("GET / HTTP/1.0", ""),
      says: "It needs no Host, and the server closes after the response." },
    { name: "TLS to a port without TLS", text: "\\x16\\x03\\x01\\x02\\x00\\x01\\x00\\x01\\xfc\\x03\\x03", end: "open",
      says: "A browser that was given https: sends the first bytes of a TLS handshake. They are no request line." },
    { name: "no HTTP at all", text: "hello\\n", end: "open",
      says: "A line of a person with nc, which the echo server of chapter 1 sends back." },
    { name: "a handler that panics", text: lines("GET /panic HTTP/1.1", "Host: a", ""),
      says: "From chapter 5 on there is a page that panics. A layer makes a 500 of the panic, and the log names the line." },
  ],
};

/** The rows of the smuggling table in the wire tests, in a group for each rule; none if they cannot be read. */
export async function smuggling() {
  const table = fetch(new URL("smuggling.json", import.meta.url)).then(response => response.json());
  const groups = {};
  for (const { rule, rfc, name, bytes, statuses } of await table.catch(() => [])) {
    const text = show(Uint8Array.from(bytes, char => char.charCodeAt(0))).replaceAll("\\n", "\\n\n");
    const says = `${rfc}: ${rule}. Expected: ${statuses.join(", ")}.`;
    (groups[`Request smuggling: ${rule}`] ??= []).push({ name, text, says });
  }
  return groups;
}
