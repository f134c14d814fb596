//! The program: arguments, listen, say where, serve until told to stop.

use anyhow::Context;
use ch03_parser::core::signals::on_stop;
use ch03_parser::core::stdout::announce;
use ch03_parser::{Arguments, Server, app};

fn main() -> anyhow::Result<()> {
    // `args` panics at what is no text. So it becomes an argument that is reported as wrong.
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
