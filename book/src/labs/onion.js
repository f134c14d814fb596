// The way of a request through layers, and of its answer back. No DOM here.

/** What each layer does to an answer that comes by, and to a request that it answers itself. */
export const LAYERS = {
  id: { name: "request id", does: "id" },
  log: { name: "access log", does: "log line" },
  cors: { name: "CORS", does: "CORS field", answers: { preflight: 204 } },
  limit: { name: "rate limit", does: null, answers: { limited: 429 } },
  gzip: { name: "compression", does: "gzip" },
  panic: { name: "panic to 500", does: null },
};

/** The order of the chapter, from the outside in. Its limit is around one route, inside of all others. */
export const ORDER = ["id", "log", "cors", "gzip", "panic", "limit"];

export const REQUESTS = {
  plain: "GET of a long text",
  preflight: "a CORS preflight",
  limited: "GET with an empty token bucket",
  panics: "GET of a handler that panics",
};

/** Steps `{ layer, text }`, the status that the client sees (`null`: none), and what the answer has. */
export function pass(order, request) {
  const steps = [];
  const has = [];
  const note = (layer, text) => steps.push({ layer, text });
  let status = null;
  let reached = 0;
  for (; reached < order.length && status === null; reached++) {
    const layer = order[reached];
    const own = LAYERS[layer].answers?.[request];
    if (own !== undefined) {
      status = own;
      note(layer, `answers ${own} itself; nobody further inside hears of the request`);
    } else note(layer, "lets the request in");
  }
  let panics = false;
  if (status === null) {
    panics = request === "panics";
    if (!panics) status = 200;
    note("handler", panics ? "panics" : "answers 200");
  }
  for (let at = reached - 1; at >= 0; at--) {
    const layer = order[at];
    if (panics && layer === "panic") {
      panics = false;
      status = 500;
      note(layer, "catches the panic and makes a 500 of it");
    } else if (panics) note(layer, "is left by the panic: it sees no answer");
    else if (layer === "gzip" && status !== 200) note(layer, "has nothing to compress");
    else if (LAYERS[layer].does) {
      has.push(LAYERS[layer].does);
      note(layer, layer === "log" ? `writes a line with ${status}` : `adds: ${LAYERS[layer].does}`);
    } else note(layer, "lets the answer out");
  }
  return { steps, status, has };
}
