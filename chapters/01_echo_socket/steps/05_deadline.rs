//! Step 5: give up on a client that sends nothing.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;
use std::{env, io};

/// How long a client may be idle, and how long it may leave our bytes unread.
const IDLE: Duration = Duration::from_secs(3);

fn main() -> io::Result<()> {
    // socket(2), bind(2) and listen(2) in one call. From now on the kernel completes handshakes for us.
    let listener = TcpListener::bind(address())?;
    println!("listening on tcp://{}", listener.local_addr()?);
    loop {
        // Blocks until a client has connected.
        let (stream, peer) = listener.accept()?;
        eprintln!("{peer}: connected");
        // A client may reset its connection at any moment. That is no reason to leave the loop.
        match echo(stream) {
            Ok(()) => eprintln!("{peer}: done"),
            Err(error) => eprintln!("{peer}: {error}"),
        }
    }
}

/// Sends back what the client sends, until it closes its side.
fn echo(mut stream: TcpStream) -> io::Result<()> {
    // SO_RCVTIMEO and SO_SNDTIMEO: without them a blocked call waits forever. The time restarts with each call, so a
    // client that sends a byte a second keeps its connection.
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(IDLE))?;
    let mut buffer = [0; 1024];
    loop {
        // Returns what has arrived, which may be one byte or the end of one line and half of the next.
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            // The client has sent its FIN. It may still be reading, and by now we have sent everything back.
            return Ok(());
        }
        // While this blocks we do not read, so a client that does not read cannot fill our memory.
        stream.write_all(&buffer[..count])?;
    }
}

/// The last argument that has a colon, or port 8080 of this machine.
fn address() -> String {
    let address = env::args().skip(1).rfind(|argument| argument.contains(':'));
    address.unwrap_or_else(|| "127.0.0.1:8080".to_string())
}
