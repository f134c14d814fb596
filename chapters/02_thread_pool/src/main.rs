//! The program: arguments, listen, say where, serve until told to stop.

use anyhow::Context;
use ch02_thread_pool::core::signals::on_stop;
use ch02_thread_pool::core::stdout::announce;
use ch02_thread_pool::{Arguments, Server};

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let server = Server::bind(arguments.address)
        .with_context(|| format!("cannot listen on {}", arguments.address))?;
    let stop = server.handle();
    on_stop(move || stop.shutdown())?;
    announce(format_args!("listening on tcp://{}", server.local_addr()));
    server.run()?;
    Ok(())
}
