// Sends the rows of the wire tables to the chapters in a page, and compares the responses with those that came over a
// socket.

/** The same for two responses to the same bytes: all but the time, the id of a request, and the token of a run. */
const comparable = text => text
  .replace(/\r\n(Date|X-Request-ID|X-Run-Token): [^\r]*/g, "\r\n$1: any")
  .replace(/"id":"[0-9a-f]{32}"/g, '"id":"any"');
const decode = base64 => Uint8Array.from(atob(base64), character => character.charCodeAt(0));
const latin1 = bytes => Array.from(bytes, byte => String.fromCharCode(byte)).join("");

/** The first byte, the last byte, and two halves between them. */
function quarters(bytes) {
  const ends = [0, 1, bytes.length >> 1, bytes.length - 1, bytes.length];
  return ends.slice(1).map((end, index) => bytes.subarray(ends[index], end)).filter(piece => piece.length);
}

/** How the bytes of a row reach the program, and to which of the two runs over a socket that must be equal. */
const WAYS = {
  "at once": [0, bytes => [bytes]],
  "in pieces": [0, quarters],
  "byte by byte": [0, bytes => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))],
  "after another request": [1, (bytes, first) => [Uint8Array.from([...first, ...bytes])]],
};

/** Longer rows are not sent byte by byte. */
const BYTE_BY_BYTE = 2000;

/** How many differences are shown; a mistake in one place makes hundreds. */
const MAX_SHOWN = 10;

/**
 * `open` starts a chapter by its name. `cases` has the rows, the request before a row, and what each chapter sends over
 * a socket. Returns how many responses were compared, and those that differ,
 * a few of them with their bytes.
 */
export async function compare(open, { rows, first, sockets }) {
  const problems = [];
  let compared = 0;
  for (const [name, expected] of Object.entries(sockets)) {
    const chapter = await open(name);
    for (const [words, [run, cut]] of Object.entries(WAYS)) {
      // As the program over a socket, this one is new before the first row of a run.
      await chapter.restart();
      for (const [index, row] of rows.entries()) {
        const bytes = decode(row.bytes);
        if (words === "byte by byte" && bytes.length > BYTE_BY_BYTE) continue;
        const events = chapter.connect(cut(bytes, decode(first)));
        const sent = events.filter(({ kind }) => kind === "sent").map(({ value }) => latin1(value)).join("");
        const [here, there] = [comparable(sent), comparable(latin1(decode(expected[run][index])))];
        compared += 1;
        if (here !== there) problems.push(`${name}, ${row.name}, ${words}: ${JSON.stringify(here)} and not ${JSON.stringify(there)}`);
      }
    }
  }
  return { compared, problems: problems.slice(0, MAX_SHOWN), count: problems.length };
}
