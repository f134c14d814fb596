//! A service manager in a few lines: it opens the listening socket, starts the server with it, and starts the server again
//! when it has ended without an error. The socket stays open, so clients that connect in between wait in its accept queue.
//!
//! `cargo build -p final && cargo run -p final --example keep_socket -- 127.0.0.1:8080`
//!
//! This is how systemd passes a socket (`sd_listen_fds(3)`): the program finds it as file descriptor 3, and two environment
//! variables announce it.

#[cfg(unix)]
fn main() -> anyhow::Result<()> {
    use std::net::{SocketAddr, TcpListener};
    use std::os::fd::OwnedFd;
    use std::process::Command;

    use anyhow::{Context, ensure};

    /// The socket is the standard input of this shell. It makes the socket descriptor 3, and then becomes the server,
    /// which keeps the shell's process ID.
    const START: &str = r#"LISTEN_PID=$$ LISTEN_FDS=1; export LISTEN_PID LISTEN_FDS
        exec "$0" 3<&0 </dev/null"#;

    let address = std::env::args().nth(1).context("usage: keep_socket IP:PORT")?;
    let address: SocketAddr = address.parse().context("the address must be IP:PORT")?;
    let examples = std::env::current_exe()?;
    let server = examples.with_file_name("../httpserver");
    ensure!(server.exists(), "there is no server yet: run `cargo build -p final`");
    let socket = TcpListener::bind(address).with_context(|| format!("cannot bind {address}"))?;
    loop {
        let passed = OwnedFd::from(socket.try_clone()?);
        let ended = Command::new("sh").args(["-c", START]).arg(&server).stdin(passed).status()?;
        ensure!(ended.success(), "the server has failed: {ended}");
        println!("the server has ended; starting the next one");
    }
}

#[cfg(not(unix))]
fn main() {
    println!("Windows has no descriptors that a child process inherits by number");
}
