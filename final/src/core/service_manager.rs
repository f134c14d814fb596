//! The service manager, such as systemd. It may pass a listening socket to the program
//! (`sd_listen_fds(3)`), and it is notified when the server's state changes (`sd_notify(3)`). A
//! program that was started in another way gets no socket, and its notifications go nowhere.

use std::io;
use std::net::TcpListener;
#[cfg(unix)]
use std::{env, ffi::OsStr, sync::mpsc, thread, time::Duration};

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
/// `LISTEN_PID` has to be the ID of this process, or not set: another process's ID means that the
/// variables were inherited, and that the socket is for the parent. The names in `LISTEN_FDNAMES`
/// are not needed for a single socket.
///
/// Call this before another thread is started, because it removes both variables from the
/// environment.
///
/// # Errors
/// Returns an error with a remedy if a variable has an invalid value, if several sockets were
/// passed, or a socket that does not accept TCP connections. Binding another address instead would
/// hide the mistake.
#[cfg(unix)]
pub fn passed_socket() -> io::Result<Option<TcpListener>> {
    let (fds, pid) = (env::var_os("LISTEN_FDS"), env::var_os("LISTEN_PID"));
    match count(fds.as_deref(), pid.as_deref(), std::process::id())? {
        None => return Ok(None),
        Some(1) => {}
        Some(several) => {
            return Err(io::Error::other(format!(
                "LISTEN_FDS passes {several} sockets, and this server listens on one: the socket \
                 unit needs a single ListenStream="
            )));
        }
    }
    let socket = listenfd::ListenFd::from_env().take_tcp_listener(0).map_err(|error| {
        io::Error::other(format!(
            "LISTEN_FDS: {error}: the socket unit needs ListenStream= with a port, such as \
             ListenStream=8080"
        ))
    })?;
    // A socket unit with `Accept=yes` passes the socket of a client that it has accepted.
    if socket.as_ref().is_some_and(|socket| !listens(socket)) {
        return Err(io::Error::other(
            "LISTEN_FDS passes a connection, not a listening socket: the socket unit needs \
             Accept=no",
        ));
    }
    Ok(socket)
}

/// Returns the number of sockets that the values of `LISTEN_FDS` and `LISTEN_PID` announce to the
/// process `own`, or `None` if they announce none to it. As for `sd_listen_fds(3)`, a value that is
/// not a positive number is an error, and `LISTEN_FDS` does not matter if the sockets are for another
/// process.
#[cfg(unix)]
fn count(fds: Option<&OsStr>, pid: Option<&OsStr>, own: u32) -> io::Result<Option<u32>> {
    let positive = |name, text: &OsStr| {
        let number = text.to_str().and_then(|text| text.parse().ok()).filter(|number| *number > 0);
        number.ok_or_else(|| {
            io::Error::other(format!(
                "{name}=`{}` is not a positive number: the service manager sets LISTEN_FDS and \
                 LISTEN_PID; unset both to listen on --addr",
                text.display()
            ))
        })
    };
    let Some(fds) = fds else { return Ok(None) };
    match pid.map(|pid| positive("LISTEN_PID", pid)).transpose()? {
        Some(other) if other != own => Ok(None),
        _ => positive("LISTEN_FDS", fds).map(Some),
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
pub fn passed_socket() -> io::Result<Option<TcpListener>> {
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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// Regression test: an invalid value was ignored, and the server listened on `--addr`.
    #[test]
    fn an_invalid_value_is_an_error_unless_the_sockets_are_for_another_process() {
        let count_in = |fds: Option<&str>, pid: Option<&str>| {
            count(fds.map(OsStr::new), pid.map(OsStr::new), 7).map_err(|error| error.to_string())
        };
        for (fds, pid, expected) in [
            (None, None, None),
            (None, Some("7"), None),
            (None, Some("x"), None),
            (Some("1"), None, Some(1)),
            (Some("1"), Some("7"), Some(1)),
            (Some("2"), Some("7"), Some(2)),
            (Some("1"), Some("8"), None),
            (Some("-1"), Some("8"), None),
        ] {
            assert_eq!(count_in(fds, pid), Ok(expected), "{fds:?} {pid:?}");
        }
        for (fds, pid, expected) in [
            ("-1", None, "LISTEN_FDS=`-1` is not"),
            ("-1", Some("7"), "LISTEN_FDS=`-1` is not"),
            ("0", Some("7"), "LISTEN_FDS=`0` is not"),
            ("", Some("7"), "LISTEN_FDS=`` is not"),
            ("one", None, "LISTEN_FDS=`one` is not"),
            ("99999999999999999999", None, "LISTEN_FDS=`99999999999999999999` is not"),
            ("1", Some(""), "LISTEN_PID=`` is not"),
            ("1", Some("0"), "LISTEN_PID=`0` is not"),
            ("1", Some("self"), "LISTEN_PID=`self` is not"),
        ] {
            let error = count_in(Some(fds), pid).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
            assert!(error.ends_with("unset both to listen on --addr"), "{error}");
        }
    }
}
