//! My server, part 1: an echo. `cargo xtask climb` checks it, stage by stage.

use std::env;
use std::io;
use std::net::TcpListener;

fn main() -> io::Result<()> {
    // The address is the last argument. Port 0 means any free port.
    let address = env::args().last().filter(|word| word.contains(':'));
    let listener = TcpListener::bind(address.unwrap_or("127.0.0.1:8080".to_string()))?;
    println!("listening on tcp://{}", listener.local_addr()?);

    loop {
        let (_stream, peer) = listener.accept()?;
        eprintln!("{peer}: connected");
        // Stage 1: read what the client sends, and write it back, until it closes.
    }
}
