//! The program: arguments, listen, say where, serve until told to stop.

use anyhow::Context;
use ch03_parser::core::signals::on_stop;
use ch03_parser::core::stdout::announce;
use ch03_parser::{Arguments, Server, app};

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let application = app::build(&arguments)?;
    let server = Server::bind(arguments.address)
        .with_context(|| format!("cannot listen on {}", arguments.address))?;
    let stop = server.handle();
    on_stop(move || stop.shutdown())?;
    announce(format_args!("listening on http://{}", server.local_addr()));
    server.run(application)?;
    Ok(())
}
