//! Step 1: accept clients, and print who they are.

use std::net::TcpListener;
use std::{env, io};

fn main() -> io::Result<()> {
    // socket(2), bind(2) and listen(2) in one call. From now on the kernel completes handshakes for us.
    let listener = TcpListener::bind(address())?;
    println!("listening on tcp://{}", listener.local_addr()?);
    loop {
        // Blocks until a client has connected.
        let (_stream, peer) = listener.accept()?;
        eprintln!("{peer}: connected");
        // The stream is dropped here, which closes the connection.
    }
}

/// The last argument that has a colon, or port 8080 of this machine.
fn address() -> String {
    let address = env::args().skip(1).rfind(|argument| argument.contains(':'));
    address.unwrap_or_else(|| "127.0.0.1:8080".to_string())
}
