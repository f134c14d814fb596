//! The program: parse the arguments, listen, print the address, serve until a signal stops it.

use anyhow::Context;
use ch05_middleware::core::signals::on_stop;
use ch05_middleware::core::stdout::announce;
use ch05_middleware::{Arguments, Server, app};

fn main() -> anyhow::Result<()> {
    // `args` would panic at an argument that is not UTF-8. Replacing the bad bytes turns it into an invalid argument.
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
