//! Starts a server's binary for a test, and stops it at the end of the test.

use std::ffi::OsStr;
use std::fmt::{self, Write};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::output::{Output, Printed, Text};
use crate::signal::{Signal, send_signal};
use crate::{Kind, WireError, environment};

/// On a machine that is also compiling, starting a program can take a while.
const START: Duration = Duration::from_secs(20);
/// The standard library has no wait with a deadline, so [`Program::wait`] polls at this interval.
const LOOK: Duration = Duration::from_millis(5);
/// The maximum length of the first line in bytes.
const FIRST_LINE: usize = 4096;
/// The maximum time to wait for the last output of a program. Its own child processes may keep its pipes open.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The maximum time to wait for the exit status of a program that has closed its outputs. The kernel closes the files
/// of a process before its parent can wait for it.
const LAST_MOMENT: Duration = Duration::from_secs(5);

/// A running program that has printed the address that it listens on. Dropping it kills it.
pub struct Program {
    child: Mutex<Child>,
    address: SocketAddr,
    output: Arc<Output>,
}

impl Program {
    /// For a program that does not listen, or has not yet printed where.
    pub(crate) const NO_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

    /// Starts the program at `path`, and waits until it prints the address that it listens on.
    ///
    /// Pass `127.0.0.1:0`, or whatever makes it choose a free port, among the arguments. A chapter's test
    /// finds its own program by `env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")))`.
    ///
    /// # Errors
    /// Returns an error when it ends, or does not print `listening on http://ADDRESS` (or `tcp://`) as
    /// its first line. The error shows its output.
    pub fn start(path: impl AsRef<OsStr>, arguments: &[&str]) -> Result<Program, WireError> {
        let mut command = environment::with_default_signals(path);
        command.args(arguments);
        Program::start_command(command)
    }

    /// Starts any command, in any language, that prints the address that it listens on. Its [`environment`]
    /// contains the variables that are set on the command, and none that would change the results of a test.
    pub fn start_command(command: Command) -> Result<Program, WireError> {
        Program::start_with_stdin(command, Stdio::null())
    }

    /// Starts a command as [`Program::start_command`] does, with a standard input, which may be a socket.
    pub fn start_with_stdin(mut command: Command, stdin: Stdio) -> Result<Program, WireError> {
        environment::clean(&mut command);
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let of = |child| Program::of(child, Program::NO_ADDRESS);
        let mut program = command.spawn().and_then(of).map_err(|error| {
            let program = command.get_program().to_string_lossy();
            WireError::new(Kind::Program, format!("cannot start {program}: {error}"))
        })?;
        program.address = program.read_address()?;
        Ok(program)
    }

    /// A child that listens on this address.
    pub(crate) fn of(child: Child, address: SocketAddr) -> io::Result<Program> {
        let program = Program { child: Mutex::new(child), address, output: Arc::default() };
        // An error here drops the program, which kills the child.
        program.output.read_all(&mut program.child())?;
        Ok(program)
    }

    /// The address that it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child().id()
    }

    /// Its standard output so far, whole lines only.
    pub fn stdout_so_far(&self) -> String {
        self.output.text().stdout.text.clone()
    }

    /// Its standard error so far, whole lines only.
    pub fn stderr_so_far(&self) -> String {
        self.output.text().stderr.text.clone()
    }

    /// Its output, even after it has ended.
    pub(crate) fn output(&self) -> Arc<Output> {
        Arc::clone(&self.output)
    }

    /// Waits until `wanted` is true of its standard output, and returns that output.
    ///
    /// # Errors
    /// Returns an error after `patience`, or when the program can print no more. `what` describes
    /// the awaited output.
    pub fn wait_for_stdout(
        &self,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String, WireError> {
        self.wait_for(&format!("{what} on standard output"), patience, |it| &it.stdout, wanted)
    }

    /// Waits until `wanted` is true of its standard error, and returns that output. A line there may arrive later
    /// than the response.
    ///
    /// # Errors
    /// Returns the same errors as [`Program::wait_for_stdout`].
    pub fn wait_for_stderr(
        &self,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String, WireError> {
        self.wait_for(&format!("{what} on standard error"), patience, |it| &it.stderr, wanted)
    }

    fn wait_for(
        &self,
        what: &str,
        patience: Duration,
        of: fn(&Text) -> &Printed,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String, WireError> {
        let is_enough = |text: &Text| of(text).has_ended || wanted(&of(text).text);
        let text = self.output.wait(patience, is_enough);
        let printed = &of(&text).text;
        if wanted(printed) {
            return Ok(printed.clone());
        }
        Err(self.failed(&text, &format!("waited for {what}")))
    }

    /// Sends a signal to the program. Only Unix has signals.
    pub fn signal(&self, signal: Signal) -> Result<(), WireError> {
        send_signal(self.pid(), signal)
            .map_err(|error| WireError::new(Kind::Program, format!("sending {signal:?}: {error}")))
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) -> Result<(), WireError> {
        self.signal(Signal::Interrupt)
    }

    /// Waits for the program to exit.
    ///
    /// # Errors
    /// Returns an error when it is still running after `patience`.
    pub fn wait(&self, patience: Duration) -> Result<ExitStatus, WireError> {
        let status = self.poll(patience);
        let status =
            status.map_err(|error| WireError::io("waiting for the program to end", &error))?;
        let Some(status) = status else {
            let what = format!("waited {patience:?} for the program to end");
            return Err(self.failed(&self.output.text(), &what));
        };
        // The last output may still be in the pipes.
        drop(self.output.wait(LAST_WORDS, Text::has_ended));
        Ok(status)
    }

    /// The exit status, or none if it is still running after `patience`.
    pub(crate) fn poll(&self, patience: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + patience;
        loop {
            let status = self.child().try_wait()?;
            if status.is_some() || Instant::now() >= deadline {
                return Ok(status);
            }
            std::thread::sleep(LOOK);
        }
    }

    fn read_address(&self) -> Result<SocketAddr, WireError> {
        let text =
            self.output.wait(START, |Text { stdout: Printed { text, has_ended }, .. }| {
                *has_ended || text.len() > FIRST_LINE || text.contains('\n')
            });
        let line = text.stdout.text.lines().next().unwrap_or_default();
        let rest = line.strip_prefix("listening on ");
        let rest = rest.and_then(|it| it.strip_prefix("http://").or(it.strip_prefix("tcp://")));
        if let Some(Ok(address)) = rest.map(|rest| rest.trim_end_matches('/').parse()) {
            return Ok(address);
        }
        let ended = text.stdout.has_ended;
        drop(text);
        // A program that ends has usually printed the reason to standard error.
        let patience = if ended { LAST_WORDS } else { Duration::ZERO };
        let text = self.output.wait(patience, |text| text.stderr.has_ended);
        let what = "waited for `listening on http://ADDRESS:PORT` (or tcp://) as the first line";
        if ended || !text.stdout.text.is_empty() {
            return Err(self.failed(&text, what));
        }
        let seconds = START.as_secs();
        let hint = "does it write its output at once? a pipe is often buffered";
        let what = format!("{what}; in {seconds} s the program has printed nothing ({hint})");
        Err(self.failed(&text, &what))
    }

    fn failed(&self, text: &Text, what: &str) -> WireError {
        let mut message = what.to_string();
        let patience = if text.has_ended() { LAST_MOMENT } else { Duration::ZERO };
        if let Ok(Some(status)) = self.poll(patience) {
            let _ = write!(message, ", but the program has ended ({status})");
        }
        WireError::new(Kind::Program, message + &text.quoted())
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let mut child = self.child();
        // An error means that the process has already ended.
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Program({} at {})", self.pid(), self.address)
    }
}

#[cfg(all(test, unix))]
mod tests;
