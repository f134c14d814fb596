//! My server, part 2: many clients. It is an echo that serves one client at a time.

use std::env;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// A client that sends nothing for so long is disconnected.
const IDLE: Duration = Duration::from_secs(5);

fn main() -> io::Result<()> {
    let address = env::args().last().filter(|word| word.contains(':'));
    let listener = TcpListener::bind(address.unwrap_or("127.0.0.1:8080".to_string()))?;
    println!("listening on tcp://{}", listener.local_addr()?);

    loop {
        let (stream, peer) = listener.accept()?;
        // Stage 5: the next client waits in the accept queue until this one has left.
        if let Err(error) = echo(stream) {
            eprintln!("{peer}: {error}");
        }
    }
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(IDLE))?;
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => stream.write_all(&buffer[..count])?,
        }
    }
}
