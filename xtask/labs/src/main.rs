//! The server of the book's labs. A page sends the bytes of a connection, and gets a report of how the server of the
//! last part handles them.
//!
//! It serves the demonstration of `final` and, with `--book`, the built book, so that a page and its labs have the same
//! origin. The steps of a trial, and the file of each:
//!
//! 1. `endpoint`: the two routes.
//! 2. `guard`: only this machine and the book's own pages may use them.
//! 3. `in_memory`: a connection without a network gets the bytes, and responds.
//! 4. `sandbox`: the application behind that connection.
//! 5. `message`: the parser determines where each message ends, or the byte at which it is rejected.
//! 6. `label`: the part of a message to which each byte belongs; `part` has the names.
//! 7. `blame`: the parts that caused a rejection, and the section of the RFC with the rule.
//! 8. `explain`: the messages and their parts as JSON, for the pages' own modules as well.
//! 9. `report`: the result as JSON.

mod application;
mod blame;
mod endpoint;
mod explain;
mod guard;
mod in_memory;
mod label;
mod message;
mod part;
mod report;
mod sandbox;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use httpserver::Server;
use httpserver::config::{self, Action, Config, ConfigError};
use httpserver::core::signals::on_stop;
use httpserver::core::stdout::announce;

/// The server of the book's labs, for this machine only.
#[derive(Parser)]
struct Cli {
    /// Where to listen: a loopback address
    #[arg(long, default_value = "127.0.0.1:8080", value_parser = loopback)]
    addr: SocketAddr,
    /// A built book, served from / on beside the demonstration
    #[arg(long, value_name = "DIR", value_parser = folder)]
    book: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let Cli { addr, book } = Cli::parse();
    let config = config(addr)?;
    sandbox::silence_panics();
    let server = Server::bind(addr).with_context(|| format!("cannot listen on {addr}"))?;
    let application = application::build(&config, &server.handle(), book.as_deref())?;
    let stop = server.handle();
    on_stop(move || stop.shutdown())?;
    announce(format_args!("listening on http://{}", server.local_addr()));
    server.run(application)?;
    Ok(())
}

/// The defaults of `final`, without an access log. Variables `HTTP_…` are ignored, because they are meant for another
/// server.
fn config(addr: SocketAddr) -> Result<Config, ConfigError> {
    let arguments = ["labs", "--log", "off", "--addr", &addr.to_string()].map(Into::into);
    match config::read(arguments, |_| None)? {
        Action::Serve(config) | Action::Check(config) | Action::Routes(config) => Ok(config),
    }
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let addr: SocketAddr = text
        .parse()
        .map_err(|_| "an address is such as 127.0.0.1:8080 or [::1]:8080".to_string())?;
    if addr.ip().is_loopback() {
        return Ok(addr);
    }
    let port = addr.port();
    Err(format!(
        "the labs are for this machine only, and others can reach this address; try 127.0.0.1:{port}"
    ))
}

fn folder(text: &str) -> Result<PathBuf, String> {
    let folder = PathBuf::from(text);
    let absent =
        || "there is no such directory; `cargo xtask book --no-serve` builds the book".to_string();
    if folder.is_dir() { Ok(folder) } else { Err(absent()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_one_that_only_this_machine_can_reach() {
        for addr in ["127.0.0.1:80", "127.0.0.2:0", "[::1]:80"] {
            assert_eq!(loopback(addr), Ok(addr.parse().unwrap()));
        }
        for addr in ["0.0.0.0:80", "[::]:80", "192.168.0.7:80"] {
            let error = loopback(addr).unwrap_err();
            assert!(error.contains("try 127.0.0.1:80"), "{addr}: {error}");
        }
        assert!(loopback("8080").unwrap_err().contains("127.0.0.1:8080"));
        assert!(folder("no/such/folder").unwrap_err().contains("cargo xtask book"));
    }
}
