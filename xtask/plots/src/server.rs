//! Three models of a server with many clients: a thread for each, a pool of four, and the event loop of part 6.
//!
//! A server is a separate process, this program started again, so that the clients' memory and threads do not count.

use std::env;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::thread::Builder;

use anyhow::{Result, bail, ensure};
use ch06_handlers::core::thread_pool::PoolConfig;
use wire::{Client, Program};

/// The first argument of the program when it is the server: `serve MODEL CLIENTS`.
pub(crate) const SERVE: &str = "serve";

const ADDRESS: &str = "127.0.0.1:0";

/// The models, with their names for readers.
pub(crate) const THREAD_EACH: &str = "a thread for each client";
pub(crate) const POOL: &str = "a pool of 4 threads";
pub(crate) const EVENT_LOOP: &str = "an event loop (part 6)";

/// Starts a server of this model. Dropping it kills it.
pub(crate) fn start(model: &str, clients: u32) -> Result<Program> {
    let mut command = Command::new(env::current_exe()?);
    command.args([SERVE, model, &clients.to_string()]);
    // The server ends with its standard input, so also when this process is killed.
    Ok(Program::start_with_stdin(command, Stdio::piped())?)
}

/// Runs the server until its standard input ends.
pub(crate) fn serve(model: &str, clients: usize) -> Result<()> {
    match model {
        THREAD_EACH => serve_with_pool(PoolConfig { workers: clients, queue: clients }),
        POOL => serve_with_pool(PoolConfig { workers: 4, queue: clients }),
        EVENT_LOOP => serve_in_event_loop(),
        _ => bail!("no model `{model}`"),
    }
}

fn serve_with_pool(size: PoolConfig) -> Result<()> {
    use ch06_handlers::{Server, http::Request};
    let server = Server::bind(ADDRESS.parse()?)?.with_workers(size);
    let handle = server.handle();
    announce(server.local_addr(), move || handle.shutdown())?;
    server.run(|_: &mut Request| "hi")?;
    Ok(())
}

fn serve_in_event_loop() -> Result<()> {
    use httpserver::{Server, http::Request};
    let server = Server::bind(ADDRESS.parse()?)?;
    let handle = server.handle();
    announce(server.local_addr(), move || handle.shutdown())?;
    server.run(|_: &mut Request| "hi")?;
    Ok(())
}

fn announce(address: SocketAddr, stop: impl FnOnce() + Send + 'static) -> Result<()> {
    println!("listening on http://{address}");
    io::stdout().flush()?;
    Builder::new().name("stdin".to_string()).spawn(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        stop();
    })?;
    Ok(())
}

/// Sends a request, and reads its response.
pub(crate) fn exchange(client: &mut Client) -> Result<()> {
    let reply = client.ask("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")?;
    ensure!(reply.status == 200, "the status is {}", reply.status);
    Ok(())
}
