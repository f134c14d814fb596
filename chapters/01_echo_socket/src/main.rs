//! The program: arguments, listen, say where, serve.

use anyhow::Context;
use ch01_echo_socket::core::stdout::announce;
use ch01_echo_socket::{Arguments, Server};

fn main() -> anyhow::Result<()> {
    // `args` panics at what is no text. So it becomes an argument that is reported as wrong.
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let arguments = Arguments::parse(words)?;
    let server = Server::bind(arguments.address)
        .with_context(|| format!("cannot listen on {}", arguments.address))?;
    announce(format_args!("listening on tcp://{}", server.local_addr()));
    server.run()?;
    Ok(())
}
