//! My server, part 6: everything together. All but the engine is from chapter 6: a pool of threads, one for each connection.

use std::env;

use anyhow::Context;
use ch06_handlers::core::signals::on_stop;
use ch06_handlers::{Arguments, Server, app};

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse(env::args().skip(1))?;
    let server = Server::bind(arguments.address)
        .with_context(|| format!("cannot listen on {}", arguments.address))?;
    let application = app::build(&arguments, server.handle())?;
    let stop = server.handle();
    on_stop(move || stop.shutdown())?;
    println!("listening on http://{}", server.local_addr());
    // Stage 27: 500 slow clients take all workers. An event loop waits for all sockets at once.
    server.run(application)?;
    Ok(())
}
