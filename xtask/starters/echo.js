// An echo for stage 1 of the climb: cargo xtask climb --server 'node my_server/echo.js'
const net = require("node:net");

const [host, port] = process.argv.at(-1).split(":");
const server = net.createServer({ allowHalfOpen: true }, (stream) => {
  // Stage 1: send each piece of data back, and end the stream when the client has ended its own.
  stream.destroy();
});
server.listen(Number(port), host, () => {
  const { address, port } = server.address();
  console.log(`listening on tcp://${address}:${port}`);
});
