//! The first route of the bench, with tiny_http and a thread for each core.
#![forbid(unsafe_code)]

use std::sync::Arc;

fn main() {
    let address = std::env::args().nth(1).expect("usage: tiny IP:PORT");
    let server = Arc::new(tiny_http::Server::http(address).expect("the address is free"));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads: Vec<_> = (0..4 * cores)
        .map(|_| {
            let server = Arc::clone(&server);
            std::thread::spawn(move || {
                for request in server.incoming_requests() {
                    let _ = request.respond(tiny_http::Response::from_string("Hello, World!"));
                }
            })
        })
        .collect();
    for thread in threads {
        let _ = thread.join();
    }
}
