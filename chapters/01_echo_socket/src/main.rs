//! The program: arguments, listen, say where, serve.

use anyhow::Context;
use ch01_echo_socket::core::stdout::announce;
use ch01_echo_socket::{Arguments, Server};

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let server = Server::bind(arguments.address)
        .with_context(|| format!("cannot listen on {}", arguments.address))?;
    announce(format_args!("listening on tcp://{}", server.local_addr()));
    server.run()?;
    Ok(())
}
