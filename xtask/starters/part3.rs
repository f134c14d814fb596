//! My server, part 3: HTTP. The thread pool of chapter 2 serves the clients; you write the responses.

use std::env;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use ch02_thread_pool::core::thread_pool::{PoolConfig, ThreadPool};

fn main() -> io::Result<()> {
    let address = env::args().last().filter(|word| word.contains(':'));
    let listener = TcpListener::bind(address.unwrap_or("127.0.0.1:8080".to_string()))?;
    println!("listening on http://{}", listener.local_addr()?);

    let pool = ThreadPool::start("worker", PoolConfig { workers: 4, queue: 64 }, |stream| {
        if let Err(error) = serve(stream) {
            eprintln!("{error}");
        }
    })?;
    loop {
        let (stream, _) = listener.accept()?;
        // A full queue gives the client back; dropping it closes the connection.
        let _ = pool.submit(stream);
    }
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    // Stage 9: read the request to its empty line, and write a response: a status line, field lines, an empty line,
    // the body. Each line ends in CRLF.
    stream.write_all(b"hello\n")
}
