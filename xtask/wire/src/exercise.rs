//! The checks of an exercise. Each is a sentence and a function that acts as a client of the server.
//!
//! A program with checks is run by `cargo xtask check-exercise` as `exercise_02 SERVER [ARGUMENT…]`. For each
//! check it starts a new server on a free port, and it reports the results line by line (see [`Event`]).
//!
//! ```no_run
//! use wire::exercise::{self, Check, Failure, Server};
//!
//! fn main() -> std::process::ExitCode {
//!     exercise::main(&[
//!         Check {
//!             sentence: "the time is JSON and must not be cached",
//!             rule: "RFC 9111 section 5.2.2.5 (no-store)",
//!             run: is_fresh_json,
//!         },
//!     ])
//! }
//!
//! fn is_fresh_json(server: &Server) -> Result<(), Failure> {
//!     let answer = server.get("/api/time")?;
//!     answer.status(200)?.field("Cache-Control", "no-store")?;
//!     let unix = &answer.json()?["unix"];
//!     answer.require(unix.is_u64(), "`unix` is an integer", unix)
//! }
//! ```

mod answer;
mod conversation;
mod leash;
mod origin;
mod report;

use std::env;
use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use origin::Origin;

pub use answer::Answer;
pub use conversation::{Conversation, Piece};
pub use leash::ENDS_WITH_INPUT;
pub(crate) use leash::delete_at_end;
pub use report::{Event, Failure};

use crate::{Client, Program, Reply, WireError, request};

/// The requirement for every server before its first check.
pub const STARTS: &str =
    "a server that starts and prints `listening on http://ADDRESS` as its first line";

/// The environment variable with the working directory of another server: the directory in which the user typed its
/// command. Without it, that is the chapter's directory, as for the checks.
pub const SERVER_FOLDER: &str = "EXERCISE_SERVER_FOLDER";

/// The environment variable with the sentence of the only check to run. If no check has this sentence, all run.
pub const ONLY: &str = "EXERCISE_ONLY";

/// How many checks may time out before the run gives up. Each waits for [`PATIENCE`](crate::PATIENCE) or longer.
const TIMEOUTS: usize = 2;

/// The environment variable with the directory of the chapter's examples, when an exercise is about one of them.
pub const EXAMPLES: &str = "EXERCISE_EXAMPLES";

/// The limit of bytes collected from a server on one connection.
const MOST: usize = 32 * 1024 * 1024;

/// A server that exits closes its connections some moments before it is gone.
const LAST_MOMENT: Duration = Duration::from_millis(200);

/// A failure quotes a printed line up to this length.
const QUOTED: usize = 300;

/// One requirement for a solution.
#[derive(Clone, Copy)]
pub struct Check {
    /// The requirement, as a sentence without a capital letter and without a full stop.
    pub sentence: &'static str,
    /// The source of the rule, with the title of its section: `RFC 9110 section 9.3.2 (HEAD)`. May be empty.
    pub rule: &'static str,
    /// Checks it. Every wait of a [`Server`] and its connections is bounded.
    pub run: fn(&Server) -> Result<(), Failure>,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Check({:?})", self.sentence)
    }
}

/// Runs all checks against the server that the arguments name, and reports on standard output.
pub fn main(checks: &[Check]) -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    if words.is_empty() {
        eprintln!(
            "These are the checks of an exercise; run them with `cargo xtask check-exercise`."
        );
        return ExitCode::from(2);
    }
    if let Err(error) = leash::put_on() {
        eprintln!("the checks cannot be started: {error}");
        return ExitCode::FAILURE;
    }
    let only = env::var(ONLY).ok();
    run(chosen(checks, only.as_deref()), &words)
}

/// Runs these checks against the server that `words` start, and reports on standard output.
pub fn run(checks: &[Check], words: &[String]) -> ExitCode {
    match report(checks, words, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        // The other end of the pipe is closed.
        Err(_) => ExitCode::FAILURE,
    }
}

/// Makes every process that this process has started end with it, if the environment asks for it, see
/// [`ENDS_WITH_INPUT`].
///
/// # Errors
/// When the thread cannot be spawned.
pub fn end_with_input() -> io::Result<()> {
    leash::put_on()
}

/// The check with this sentence, or all checks if there is none.
fn chosen<'a>(checks: &'a [Check], only: Option<&str>) -> &'a [Check] {
    let at = checks.iter().position(|check| Some(check.sentence) == only);
    at.map_or(checks, |at| &checks[at..=at])
}

fn report(checks: &[Check], words: &[String], out: &mut impl Write) -> io::Result<()> {
    let mut timeouts = 0;
    for check in checks {
        let (sentence, rule) = (check.sentence.to_string(), check.rule.to_string());
        writeln!(out, "{}", Event::Start { check: sentence, rule }.to_line())?;
        out.flush()?;
        let (found, conversations) = match Server::start(words, &[]) {
            Err(failure) => (Err(failure), Vec::new()),
            Ok(server) => ((check.run)(&server), server.conversations()),
        };
        timeouts += usize::from(found.as_ref().is_err_and(|failure| failure.timed_out));
        let event = match found {
            Ok(()) => Event::Pass,
            Err(failure) => Event::Fail(failure, conversations),
        };
        writeln!(out, "{}", event.to_line())?;
        out.flush()?;
        if timeouts == TIMEOUTS {
            writeln!(out, "{}", Event::GaveUp.to_line())?;
            return out.flush();
        }
    }
    writeln!(out, "{}", Event::Done.to_line())?;
    out.flush()
}

/// A program of the chapter's directory `examples`, built together with the checks: in the directory from [`EXAMPLES`],
/// or in the working directory.
pub fn example(name: &str) -> PathBuf {
    let folder = env::var_os(EXAMPLES).map(PathBuf::from).unwrap_or_default();
    folder.join(name).with_extension(env::consts::EXE_EXTENSION)
}

/// Whether the server is a solution in a copy of the repository, the reference solution or a wrong one. There a check
/// can't prompt a user for observations.
pub fn in_copy() -> bool {
    env::var_os("EXERCISE_IN_COPY").is_some()
}

/// The server under test, started on a free port for one check and killed after it.
#[derive(Debug)]
pub struct Server {
    program: Program,
    words: Vec<String>,
    arguments: Box<[String]>,
    /// The bytes of its connections, and of the servers that a check has started beside it.
    conversations: Arc<Mutex<Vec<Conversation>>>,
}

impl Server {
    fn start(words: &[String], arguments: &[String]) -> Result<Server, Failure> {
        let [program, words_behind @ ..] = words else {
            return Err(Failure::new("a server to check", "no command"));
        };
        let mut command = Command::new(program);
        command.args(words_behind).arg("127.0.0.1:0").args(arguments);
        if let Some(folder) = env::var_os(SERVER_FOLDER) {
            command.current_dir(folder);
        }
        let program = Program::start_command(command).map_err(|error| Failure {
            arguments: arguments.into(),
            ..Failure::new(STARTS, error.message())
        })?;
        let conversations = Arc::default();
        Ok(Server { program, words: words.to_vec(), arguments: arguments.into(), conversations })
    }

    fn start_beside(&self, arguments: &[String]) -> Result<Server, Failure> {
        let conversations = Arc::clone(&self.conversations);
        Ok(Server { conversations, ..Server::start(&self.words, arguments)? })
    }

    /// The bytes of all connections that are closed by now.
    fn conversations(&self) -> Vec<Conversation> {
        let all = self.conversations.lock().unwrap_or_else(PoisonError::into_inner);
        conversation::chosen(&all)
    }

    /// Starts the same program once more, next to this one.
    pub fn another(&self) -> Result<Server, Failure> {
        self.start_beside(&self.arguments)
    }

    /// Starts the same program once more, with these arguments after the address: a directory, for example.
    pub fn with_arguments(&self, arguments: &[&str]) -> Result<Server, Failure> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        self.start_beside(&arguments)
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.program.addr()
    }

    /// The program, for its output and for signals to it.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// A GET on a new connection.
    pub fn get(&self, target: &str) -> Result<Answer, Failure> {
        self.ask("GET", target, &[], b"")
    }

    /// A request on a new connection, which the server closes. Any byte after the response is a failure.
    pub fn ask(
        &self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, Failure> {
        let fields = [fields, &[("Connection", "close")]].concat();
        let mut connection = self.connect()?;
        let answer = connection.send(&request(method, target, &fields, body))?;
        connection.nothing_more(&answer)?;
        Ok(answer)
    }

    /// These bytes, unchanged, on a new connection.
    pub fn send(&self, bytes: &[u8]) -> Result<Answer, Failure> {
        self.connect()?.send(bytes)
    }

    /// A connection for several requests.
    pub fn connect(&self) -> Result<Connection<'_>, Failure> {
        let mut client =
            Client::connect(self.address()).map_err(|error| self.failure(&error, b""))?;
        client.set_most(MOST);
        Ok(Connection { server: self, client })
    }

    /// An I/O failure, with the last lines of the server's standard error: it may have panicked.
    pub fn failure(&self, error: &WireError, sent: &[u8]) -> Failure {
        let mut got = error.message().to_string();
        match error.kind() {
            crate::Kind::TimedOut | crate::Kind::Unexpected => {}
            // It may be about to exit, which explains the failure.
            _ => match self.program.wait(LAST_MOMENT) {
                Ok(status) => {
                    got += &["\nthe server has ended (", &status.to_string(), ")"].concat();
                }
                Err(_) if got.starts_with("connecting to ") => {
                    got.push_str("\n(the address is the one in the server's first line)");
                }
                Err(_) => {}
            },
        }
        let said = self.program.stderr_so_far();
        let lines: Vec<String> = said.lines().rev().take(4).map(quoted).collect();
        if !lines.is_empty() {
            got.push_str("\nstandard error of the server:\n");
            got.push_str(&lines.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
        let failure = Failure::new("a complete response in time", got);
        let failure = failure.with_bytes(sent, error.arrived());
        let timed_out = error.kind() == crate::Kind::TimedOut;
        Failure { arguments: self.arguments.clone(), timed_out, ..failure }
    }
}

/// A line that the server has printed, cut if it is very long.
fn quoted(line: &str) -> String {
    match line.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line.to_string(),
    }
}

/// A connection to the server under test.
#[derive(Debug)]
pub struct Connection<'a> {
    server: &'a Server,
    client: Client,
}

impl Connection<'_> {
    /// Sends bytes as they are and reads one response.
    pub fn send(&mut self, bytes: &[u8]) -> Result<Answer, Failure> {
        let reply = self.client.ask(bytes).map_err(|error| self.server.failure(&error, bytes))?;
        Ok(self.answer(bytes, reply))
    }

    /// The reply that the client has read, as the response to these bytes.
    pub fn answer(&self, sent: &[u8], reply: Reply) -> Answer {
        Answer { sent: sent.to_vec(), reply, from: Origin::of(self.server) }
    }

    /// Sends a well-formed request and reads the response.
    pub fn ask(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, Failure> {
        self.send(&request(method, target, fields, body))
    }

    /// The client, for operations without a method here.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// An I/O failure after these bytes were sent.
    pub fn failure(&self, error: &WireError, sent: &[u8]) -> Failure {
        self.server.failure(error, sent)
    }

    /// The failure when a wait ends without bytes and without an I/O error.
    pub fn unfinished(&self, expected: &str, sent: &[u8]) -> Failure {
        Failure::new(expected, "nothing, and the connection is open")
            .with_bytes(sent, b"")
            .with_timeout()
    }

    /// Sends bytes that are not a request, and reads `count` bytes.
    pub fn exchange(&mut self, bytes: &[u8], count: usize) -> Result<Vec<u8>, Failure> {
        let got = self.client.send(bytes).and_then(|()| self.client.read_exact(count));
        got.map_err(|error| {
            let expected = if count == 1 { "1 byte".to_string() } else { format!("{count} bytes") };
            Failure { expected: expected.into(), ..self.server.failure(&error, bytes) }
        })
    }

    /// Closes the sending direction (FIN).
    pub fn half_close(&mut self) -> Result<(), Failure> {
        self.client.half_close().map_err(|error| self.server.failure(&error, b""))
    }

    /// The server must close without sending another byte; `expected` is the text for a failure.
    pub fn ends(&mut self, expected: &str) -> Result<(), Failure> {
        self.client.expect_closed().map_err(|error| Failure {
            expected: expected.into(),
            ..self.server.failure(&error, b"")
        })
    }

    /// Waits for the server to close, and fails if it sends a byte after the response.
    fn nothing_more(&mut self, answer: &Answer) -> Result<(), Failure> {
        let more = match self.client.read_to_end() {
            Ok(more) => more,
            // A reset after the complete response is bad style, but does no harm here.
            Err(error) if error.kind() == crate::Kind::Reset => return Ok(()),
            Err(error) => {
                let failure = self.server.failure(&error, &answer.sent);
                return Err(Failure {
                    expected: "the server closes after its response".into(),
                    ..failure
                });
            }
        };
        if more.is_empty() {
            return Ok(());
        }
        let all = [answer.reply.raw.as_slice(), &more].concat();
        let bytes =
            if more.len() == 1 { "1 byte".to_string() } else { format!("{} bytes", more.len()) };
        Err(Failure::new("nothing after the response", format!("{bytes} more"))
            .with_bytes(&answer.sent, &all)
            .with_wrong_at(answer.reply.raw.len())
            .with_rule("RFC 9112 section 6.3 (Message Body Length)"))
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        let conversation = Conversation::of(&self.client);
        let mut all = self.server.conversations.lock().unwrap_or_else(PoisonError::into_inner);
        conversation::keep(&mut all, conversation);
    }
}

#[cfg(test)]
mod tests;
