//! The program: parses the arguments, listens, prints the address, and serves until a signal stops
//! it.

use anyhow::Context;
use ch02_thread_pool::core::signals::on_stop;
use ch02_thread_pool::core::stdout::announce;
use ch02_thread_pool::{Arguments, Server};

fn main() -> anyhow::Result<()> {
    // `std::env::args` panics at an argument that is not valid UTF-8. The lossy conversion lets the
    // parser reject it instead.
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
