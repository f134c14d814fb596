//! My server, part 4: middleware. The parser, router and server come from chapter 4.

use std::env;

use anyhow::Context;
use ch04_router::Server;
use ch04_router::http::{Request, Response, Router};

fn main() -> anyhow::Result<()> {
    let address = env::args().last().filter(|word| word.contains(':'));
    let address = address.unwrap_or("127.0.0.1:8080".to_string()).parse()?;
    let server = Server::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    println!("listening on http://{}", server.local_addr());

    let mut router = Router::new();
    router.get("/", |_: &mut Request| "my server\n");
    router.get("/hello/:name", |request: &mut Request| {
        format!("Hello, {}!\n", request.param("name").unwrap_or("nobody"))
    });
    router.get("/panic", |_: &mut Request| -> &'static str { panic!("this page panics on purpose") });
    let routes = router.build()?;

    // Stage 19: a layer is a function around the next handler. This one does nothing yet.
    server.run(move |request: &mut Request| -> Response {
        ch04_router::http::Handler::handle(&routes, request)
    })?;
    Ok(())
}
