//! The program: parse the arguments, listen, print the address, serve until a signal stops it.

use anyhow::Context;
use ch02_thread_pool::core::signals::on_stop;
use ch02_thread_pool::core::stdout::announce;
use ch02_thread_pool::{Arguments, Server};

fn main() -> anyhow::Result<()> {
    // `args` would panic at an argument that is not UTF-8. Replacing the bad bytes turns it into an invalid argument.
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let arguments = Arguments::parse(words)?;
    let server = Server::bind(arguments.address)
        .with_context(|| format!("cannot listen on {}", arguments.address))?;
    let stop = server.handle();
    on_stop(move || stop.shutdown())?;
    announce(format_args!("listening on tcp://{}", server.local_addr()));
    server.run()?;
    Ok(())
}
