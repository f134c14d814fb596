//! The smallest program with this server: `cargo run -p final --example hello`.

use httpserver::Server;
use httpserver::core::signals::on_stop;
use httpserver::core::stdout::announce;
use httpserver::http::Request;

fn main() -> anyhow::Result<()> {
    let server = Server::bind("127.0.0.1:8080".parse()?)?;
    let stop = server.handle();
    on_stop(move || stop.shutdown())?;
    announce(format_args!("listening on http://{}", server.local_addr()));
    server.run(|request: &mut Request| format!("Hello from {}!\n", request.path()))?;
    Ok(())
}
