//! The service manager, such as systemd. It may pass a listening socket to the program
//! (`sd_listen_fds(3)`), and it is notified when the server's state changes (`sd_notify(3)`). A
//! program that was started in another way gets no socket, and its notifications go nowhere.

use std::fmt;
use std::io;
use std::net::TcpListener;
#[cfg(unix)]
use std::{env, sync::mpsc, thread, time::Duration};

/// A state of the server that is reported to the service manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Clients can connect. This is also sent at the end of a reload.
    Ready,
    /// The settings are being read again.
    Reloading,
    /// A shutdown has begun.
    Stopping,
}

/// Takes the listening socket that the environment variable `LISTEN_FDS` announces, or returns
/// `None` if there is none. The service manager also has the socket open, so its accept queue
/// outlives this process.
///
/// `LISTEN_PID` has to be the ID of this process, or not set: another value means that the
/// variables were inherited, and that the socket is for the parent. The names in `LISTEN_FDNAMES`
/// are not needed for a single socket.
///
/// Call this before another thread is started, because it removes both variables from the
/// environment.
///
/// # Errors
/// Returns [`PassedSocketError`] if several sockets were passed, or a socket that does not accept TCP
/// connections. Binding another address instead would hide the mistake.
#[cfg(unix)]
pub fn passed_socket() -> Result<Option<TcpListener>, PassedSocketError> {
    let mut passed = listenfd::ListenFd::from_env();
    if passed.len() > 1 {
        return Err(PassedSocketError::Several(passed.len()));
    }
    let socket = passed.take_tcp_listener(0).map_err(PassedSocketError::NotTcp)?;
    // A socket unit with `Accept=yes` passes the socket of a client that it has accepted.
    match socket {
        Some(socket) if !listens(&socket) => Err(PassedSocketError::Connected),
        socket => Ok(socket),
    }
}

#[cfg(unix)]
fn listens(socket: &TcpListener) -> bool {
    let socket = socket2::SockRef::from(socket);
    #[cfg(target_os = "linux")]
    let listens = socket.is_listener().unwrap_or(false);
    // macOS does not report SO_ACCEPTCONN. A listening socket has no peer.
    #[cfg(not(target_os = "linux"))]
    let listens = socket.peer_addr().is_err();
    listens
}

/// Returns `None`: Windows has no such protocol.
#[cfg(not(unix))]
pub fn passed_socket() -> Result<Option<TcpListener>, PassedSocketError> {
    Ok(None)
}

/// The maximum time that a notification may take. Sending blocks while the manager's socket is
/// full, and a manager that hangs must prevent neither the start nor the shutdown of the server.
#[cfg(unix)]
const PATIENCE: Duration = Duration::from_secs(1);

/// Notifies the service manager, if there is one. A failure is logged and otherwise ignored, since
/// clients can be served without the notification. It takes at most a second.
#[cfg(unix)]
pub fn notify(state: State) {
    if env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    if let Err(error) = notify_in_time(state) {
        super::stderr::log_stderr(format_args!(
            "NOTIFY_SOCKET: cannot notify the service manager: {error}"
        ));
    }
}

/// Sends the notification from a separate thread, since the socket has no timeout.
#[cfg(unix)]
fn notify_in_time(state: State) -> io::Result<()> {
    let (sender, receiver) = mpsc::channel();
    let notify = move || _ = sender.send(try_notify(state));
    thread::Builder::new().name("notify".to_string()).spawn(notify)?;
    receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(unix)]
fn try_notify(state: State) -> io::Result<()> {
    use sd_notify::NotifyState;

    match state {
        State::Ready => sd_notify::notify(&[NotifyState::Ready]),
        // `Type=notify-reload` needs the time, to distinguish this reload from an earlier one.
        State::Reloading => {
            sd_notify::notify(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?])
        }
        State::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
    }
}

/// Does nothing: Windows has no such protocol.
#[cfg(not(unix))]
pub fn notify(_state: State) {}

/// The reason why the server cannot use the sockets that were passed to it.
#[derive(Debug)]
pub enum PassedSocketError {
    /// This many sockets were passed.
    Several(usize),
    /// The socket is not a TCP socket.
    NotTcp(io::Error),
    /// The socket is a connection to a client.
    Connected,
}

impl fmt::Display for PassedSocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Several(count) => write!(
                f,
                "LISTEN_FDS passes {count} sockets, and this server listens on one: the socket \
                 unit needs a single ListenStream="
            ),
            Self::NotTcp(error) => write!(
                f,
                "LISTEN_FDS: {error}: the socket unit needs ListenStream= with a port, such as \
                 ListenStream=8080"
            ),
            Self::Connected => write!(
                f,
                "LISTEN_FDS passes a connection, not a listening socket: the socket unit needs \
                 Accept=no"
            ),
        }
    }
}

impl std::error::Error for PassedSocketError {}
