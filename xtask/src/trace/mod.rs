//! `cargo xtask trace`: forwards bytes between a client and a server, and prints them.
//!
//! [`relay`] forwards bytes, [`message`] names the part of a message that they are, [`connection_log`] makes lines of it.

mod connection_log;
mod head;
mod message;
mod relay;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};

use crate::ui;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The server to trace
    #[arg(default_value = "127.0.0.1:8080", value_parser = address)]
    target: SocketAddr,
    /// The address that clients connect to instead
    #[arg(long, default_value = "127.0.0.1:8081", value_parser = address)]
    listen: SocketAddr,
}

/// Reads an address, also one that is typed as a URL or with the name `localhost`.
fn address(text: &str) -> Result<SocketAddr, String> {
    let address = text.trim_start_matches("http://").trim_end_matches('/');
    let address = address.replace("localhost:", "127.0.0.1:");
    address.parse().map_err(|_| "write an address and a port, such as 127.0.0.1:8080".to_string())
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    for address in [args.target, args.listen] {
        if !address.ip().is_loopback() {
            bail!("{address} is not on this machine; trace works between two programs here");
        }
    }
    if args.target == args.listen {
        bail!("{} cannot be its own server; add `--listen 127.0.0.1:8082`", args.target);
    }
    let listener = match TcpListener::bind(args.listen) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!("{} is in use; add `--listen 127.0.0.1:8082` or so", args.listen)
        }
        bound => bound.with_context(|| format!("cannot listen on {}", args.listen))?,
    };
    let address = listener.local_addr()?;
    ui::print(&format!("{address} forwards everything to {} (Ctrl-C ends it)\n", args.target));
    relay::serve(&listener, args.target, &(Arc::new(ui::print) as relay::Print));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_typed_as_a_url() {
        for text in ["127.0.0.1:80", "localhost:80", "http://127.0.0.1:80/", "http://localhost:80"]
        {
            assert_eq!(address(text).unwrap().to_string(), "127.0.0.1:80", "{text}");
        }
        for text in
            ["", "80", "nonsense", "127.0.0.1", "http://127.0.0.1:80/path", "example.com:80"]
        {
            assert!(address(text).unwrap_err().contains("127.0.0.1:8080"), "{text}");
        }
    }

    #[test]
    fn it_works_between_programs_of_this_machine_only() {
        let try_with = |target: &str, listen: &str| {
            let args = Args { target: target.parse().unwrap(), listen: listen.parse().unwrap() };
            run(&args).unwrap_err().to_string()
        };
        assert!(try_with("192.0.2.1:80", "127.0.0.1:0").contains("192.0.2.1:80 is not on this"));
        assert!(try_with("127.0.0.1:80", "0.0.0.0:0").contains("0.0.0.0:0 is not on this machine"));
        assert!(try_with("127.0.0.1:80", "127.0.0.1:80").contains("--listen"));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = listener.local_addr().unwrap().to_string();
        assert!(try_with("127.0.0.1:80", &taken).contains("is in use; add `--listen"));
    }
}
