//! The program: parses the arguments, listens, prints the address, and serves until a signal stops
//! it.

use anyhow::Context;
use ch05_middleware::core::signals::on_stop;
use ch05_middleware::core::stdout::announce;
use ch05_middleware::{Arguments, Server, app};

fn main() -> anyhow::Result<()> {
    // `std::env::args` panics at an argument that is not valid UTF-8. The lossy conversion lets the
    // parser reject it instead.
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let arguments = Arguments::parse(words)?;
    let application = app::build(&arguments)?;
    let server = Server::bind(arguments.address)
        .with_context(|| format!("cannot listen on {}", arguments.address))?;
    let stop = server.handle();
    on_stop(move || stop.shutdown())?;
    announce(format_args!("listening on http://{}", server.local_addr()));
    server.run(application)?;
    Ok(())
}
