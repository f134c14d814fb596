// The states of a TCP connection (RFC 9293 section 3.3.2), and stories that walk through them. No DOM here.

/** Which state follows which event, for one end. What is not in the table cannot happen. */
export const TRANSITIONS = {
  CLOSED: { "send SYN": "SYN-SENT" },
  LISTEN: { "receive SYN": "SYN-RECEIVED" },
  "SYN-SENT": { "receive SYN-ACK": "ESTABLISHED", "receive RST": "CLOSED" },
  "SYN-RECEIVED": { "receive ACK": "ESTABLISHED", "receive RST": "LISTEN" },
  ESTABLISHED: {
    "send data": "ESTABLISHED", "receive data": "ESTABLISHED", "receive ACK": "ESTABLISHED",
    "send FIN": "FIN-WAIT-1", "receive FIN": "CLOSE-WAIT", "receive RST": "CLOSED", "send RST": "CLOSED",
  },
  "FIN-WAIT-1": { "receive ACK": "FIN-WAIT-2", "receive data": "FIN-WAIT-1", "receive FIN": "CLOSING", "receive RST": "CLOSED", "send RST": "CLOSED" },
  "FIN-WAIT-2": { "receive data": "FIN-WAIT-2", "receive FIN": "TIME-WAIT", "receive RST": "CLOSED" },
  "CLOSE-WAIT": { "send data": "CLOSE-WAIT", "receive ACK": "CLOSE-WAIT", "send FIN": "LAST-ACK", "receive RST": "CLOSED", "send RST": "CLOSED" },
  CLOSING: { "receive ACK": "TIME-WAIT" },
  "LAST-ACK": { "receive ACK": "CLOSED", "receive RST": "CLOSED" },
  "TIME-WAIT": { "time passes": "CLOSED" },
};

/** The state after an event. An acknowledgement or a SYN-ACK that is sent changes nothing at the sender. */
export function next(state, event) {
  if (event === null || event === "send ACK" || event === "send SYN-ACK") return state;
  const to = TRANSITIONS[state]?.[event];
  if (to === undefined) throw new Error(`no "${event}" in ${state}`);
  return to;
}

// from: the end that sends; segment: its text on the wire; kind: its name in the table; program: the state of chapter 1's
// server program, which sees less than its kernel; say: what a reader should notice.
const open = [
  { from: "client", segment: "SYN, seq=100", kind: "SYN", say: "The client's program calls connect(). Its kernel chooses an initial sequence number, 100." },
  { from: "server", segment: "SYN-ACK, seq=300 ack=101", kind: "SYN-ACK", say: "The server's kernel responds by itself. Its initial sequence number is 300, and it expects byte 101 next. When this segment arrives, the connection is open for the client, and connect() returns." },
  { from: "client", segment: "ACK, ack=301", kind: "ACK", say: "The three-way handshake is complete. The connection waits in the accept queue until the program calls accept()." },
  { from: null, segment: "", kind: null, program: "Idle", say: "accept() returns. It sends nothing, because the kernel has made the connection before." },
];
const data = [
  { from: "client", segment: "data, seq=101, 5 bytes: hello", kind: "data", program: "Reading", say: "Five bytes, numbered 101 to 105. The server's recv() returns them." },
  { from: "server", segment: "ACK, ack=106", kind: "ACK", say: "The kernel has the bytes up to 105. That does not mean that the program has read them." },
];
const echo = [
  { from: "server", segment: "data, seq=301, 5 bytes: hello", kind: "data", program: "Writing", say: "The program sends the echo." },
  { from: "client", segment: "ACK, ack=306", kind: "ACK", say: "The client's kernel has the echo." },
];

const acknowledged = { from: "server", segment: "ACK, ack=107", kind: "ACK" };

/** The stories. */
export const STORIES = {
  orderly: {
    name: "An orderly end: the client closes first",
    steps: [
      ...open, ...data, ...echo,
      { from: "client", segment: "FIN, seq=106", kind: "FIN", say: "The client will send no more. A FIN counts as one byte. The server's recv() returns 0, the end of the stream." },
      { ...acknowledged, say: "The server's kernel acknowledges. In CLOSE-WAIT it waits for its own program: a server that never closes stays here." },
      { from: "server", segment: "FIN, seq=306", kind: "FIN", program: "Closing", say: "The program closes too." },
      { from: "client", segment: "ACK, ack=307", kind: "ACK", program: "Closed", say: "The server is done at once. The client closed first, so the client has to wait." },
      { from: null, segment: "", kind: "time", say: "Linux waits 60 seconds. If the last ACK is lost, this end can retransmit it, and no late segment gets into a new connection." },
    ],
  },
  half: {
    name: "A half-close: one direction goes on",
    steps: [
      ...open, ...data,
      { from: "client", segment: "FIN, seq=106", kind: "FIN", say: "shutdown(Write): the client has sent its whole request, and still reads." },
      { ...acknowledged, say: "The server reads the end of the stream. Its own direction is open." },
      { from: "server", segment: "data, seq=301, 5 bytes: hello", kind: "data", program: "Writing", say: "So it may still respond. This is what nc -N waits for." },
      { from: "client", segment: "ACK, ack=306", kind: "ACK", say: "The client receives in FIN-WAIT-2 as it did before." },
      { from: "server", segment: "FIN, seq=306", kind: "FIN", program: "Closing", say: "Now the server has nothing more to send either." },
      { from: "client", segment: "ACK, ack=307", kind: "ACK", program: "Closed", say: "Both directions have ended, each by itself." },
      { from: null, segment: "", kind: "time", say: "After TIME-WAIT nothing is left." },
    ],
  },
  server: {
    name: "The server closes first",
    steps: [
      ...open,
      { from: "server", segment: "FIN, seq=301", kind: "FIN", program: "Closing", say: "The client was idle for too long, and the server closes." },
      { from: "client", segment: "ACK, ack=302", kind: "ACK", say: "Now the client is the one in CLOSE-WAIT." },
      { from: "client", segment: "FIN, seq=101", kind: "FIN", say: "The client's program reads the end of the stream, and closes." },
      { from: "server", segment: "ACK, ack=102", kind: "ACK", program: "Closed", say: "TIME-WAIT is on the server's port this time. A server that is started again now needs SO_REUSEADDR." },
      { from: null, segment: "", kind: "time", say: "A minute later nothing is left." },
    ],
  },
  reset: {
    name: "A reset: the server closes with unread bytes",
    steps: [
      ...open,
      { from: "client", segment: "data, seq=101, 5 bytes: hello", kind: "data", say: "Five bytes arrive, and the program does not read them." },
      { from: "server", segment: "ACK, ack=106", kind: "ACK", say: "The kernel acknowledges them all the same: it has them." },
      { from: "server", segment: "RST", kind: "RST", program: "Closed", say: "close() with unread bytes: they are lost, and the kernel sends a reset. There is no FIN and no TIME-WAIT. The client's recv() fails: connection reset by peer." },
    ],
  },
  refused: {
    name: "No program listens",
    listening: false,
    steps: [
      { from: "client", segment: "SYN, seq=100", kind: "SYN", say: "The client's program calls connect()." },
      { from: "server", segment: "RST, ack=101", kind: "RST", say: "No program listens at this port. The kernel sends a reset at once, and connect() fails: connection refused." },
    ],
  },
};

/** Both ends before the first step and after each; `at` counts the steps that were taken. */
export function walk(story) {
  let now = { client: "CLOSED", server: story.listening === false ? "CLOSED" : "LISTEN", program: story.listening === false ? null : "accept() waits" };
  const states = [now];
  for (const step of story.steps) {
    const after = { ...now, program: step.program ?? now.program };
    if (step.kind === "time") {
      for (const end of ["client", "server"]) if (now[end] === "TIME-WAIT") after[end] = next(now[end], "time passes");
    } else if (step.from !== null) {
      const other = step.from === "client" ? "server" : "client";
      // A kernel without a socket responds with a reset, and has no state for that.
      if (now[step.from] !== "CLOSED" || step.kind !== "RST") after[step.from] = next(now[step.from], `send ${step.kind}`);
      if (now[other] !== "CLOSED") after[other] = next(now[other], `receive ${step.kind}`);
    }
    states.push(after);
    now = after;
  }
  return states;
}
