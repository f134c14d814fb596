//! Step 2: read once, write once. (Naive: a stream has no messages.)

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::{env, io};

fn main() -> io::Result<()> {
    // socket(2), bind(2) and listen(2) in one call. From now on the kernel completes handshakes for us.
    let listener = TcpListener::bind(address())?;
    println!("listening on tcp://{}", listener.local_addr()?);
    loop {
        // Blocks until a client has connected.
        let (stream, peer) = listener.accept()?;
        eprintln!("{peer}: connected");
        echo(stream)?;
        // The stream has been dropped, which closed the connection.
    }
}

/// Sends back what the client sends.
fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    let count = stream.read(&mut buffer)?;
    stream.write_all(&buffer[..count])
}

/// The last argument that has a colon, or port 8080 of this machine.
fn address() -> String {
    let address = env::args().skip(1).rfind(|argument| argument.contains(':'));
    address.unwrap_or_else(|| "127.0.0.1:8080".to_string())
}
