//! My server, part 5: handlers. The middleware, router and server come from chapter 5.

use std::env;

use anyhow::Context;
use ch05_middleware::Server;
use ch05_middleware::core::signals::on_stop;
use ch05_middleware::http::{Request, Router};
use ch05_middleware::middleware::{CatchPanic, Chain, RequestId};

fn main() -> anyhow::Result<()> {
    // The first argument is the address, and the second is the directory to serve.
    let mut words = env::args().skip(1);
    let address = words.next().unwrap_or("127.0.0.1:8080".to_string()).parse()?;
    let folder = words.next().unwrap_or("public".to_string());
    let server = Server::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    let stop = server.handle();
    on_stop(move || stop.shutdown())?;
    println!("listening on http://{}", server.local_addr());

    let mut router = Router::new();
    router.get("/", |_: &mut Request| "my server\n");
    // Stage 24: /health/live, /health/ready and /slow?ms=N. Stage 25: /static/*path, from this directory.
    eprintln!("files are to be served from {folder}");

    let application = Chain::around(router.build()?).with(RequestId::new()).with(CatchPanic);
    server.run(application)?;
    Ok(())
}
