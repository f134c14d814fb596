//! The server under test, and a connection to it.

use std::env;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::answer::Answer;
use super::conversation::{self, Conversation};
use super::report::Failure;
use crate::{Client, Kind, PATIENCE, Program, Reply, WireError, request};

/// The requirement that every server must meet before its first check.
pub const STARTS: &str = "a server that starts and prints `listening on http://ADDRESS` (`tcp://` for an echo) as its first \
     line";

/// The environment variable with the working directory of another server, which is the directory in which the user
/// typed its command. Without it, the server runs in the chapter's directory, like the checks.
pub const SERVER_FOLDER: &str = "EXERCISE_SERVER_FOLDER";

/// The limit of bytes collected from a server on one connection.
const MOST: usize = 32 * 1024 * 1024;

/// A server that exits closes its connections a moment before its process ends.
const LAST_MOMENT: Duration = Duration::from_millis(200);

/// The server under test, started on a free port for one check and killed after it.
#[derive(Debug)]
pub struct Server {
    program: Program,
    words: Vec<String>,
    arguments: Box<[String]>,
    /// The bytes of its connections, and of the connections to other servers that the check has started.
    conversations: Arc<Mutex<Vec<Conversation>>>,
}

impl Server {
    pub(super) fn start(words: &[String], arguments: &[String]) -> Result<Server, Failure> {
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

    /// The bytes of all connections that are closed by now, without those on which there were none.
    pub(super) fn conversations(&self) -> Vec<Conversation> {
        let all = self.conversations.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|conversation| !conversation.pieces.is_empty()).cloned().collect()
    }

    /// Starts the same program once more, next to this one.
    pub fn another(&self) -> Result<Server, Failure> {
        self.with_arguments(&self.arguments)
    }

    /// Starts the same program once more, with these arguments after the address: a directory, for example.
    pub fn with_arguments(&self, arguments: &[impl ToString]) -> Result<Server, Failure> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let conversations = Arc::clone(&self.conversations);
        Ok(Server { conversations, ..Server::start(&self.words, &arguments)? })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.program.addr()
    }

    /// The program, for its output and for signals to it.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Waits for at most [`PATIENCE`] until `wanted` is true of its standard output, and returns that output. `what`
    /// describes the awaited lines.
    pub fn wait_for_stdout(
        &self,
        what: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String, Failure> {
        let waited = self.program.wait_for_stdout(what, PATIENCE, wanted);
        waited.map_err(|error| Failure::new(what, error.message()).with_timeout())
    }

    /// Sends a GET request on a new connection.
    pub fn get(&self, target: &str) -> Result<Answer, Failure> {
        self.ask("GET", target, &[], b"")
    }

    /// Sends a request on a new connection, which the server closes. Any byte after the response is a failure.
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

    /// Sends these bytes unchanged on a new connection.
    pub fn send(&self, bytes: &[u8]) -> Result<Answer, Failure> {
        self.connect()?.send(bytes)
    }

    /// Opens a connection for several requests.
    pub fn connect(&self) -> Result<Connection<'_>, Failure> {
        let client = Client::connect(self.address());
        let mut client = client.map_err(|error| self.failure(&error, b""))?;
        client.set_most(MOST);
        Ok(Connection { server: self, client })
    }

    /// A failure caused by an I/O error, with the last lines of the server's standard error, because it may have
    /// panicked.
    pub(crate) fn failure(&self, error: &WireError, sent: &[u8]) -> Failure {
        let mut got = error.message().to_string();
        match error.kind() {
            Kind::TimedOut | Kind::Unexpected => {}
            // The server may be about to exit, which would explain the failure.
            _ => match self.program.wait(LAST_MOMENT) {
                Ok(status) => got.extend(["\nthe server has ended (", &status.to_string(), ")"]),
                Err(_) if got.starts_with("connecting to ") => {
                    got.push_str("\n(the address is the one in the server's first line)");
                }
                Err(_) => {}
            },
        }
        got.push_str(&self.program.output().text().last_errors());
        let failure = Failure::new("a complete response in time", got);
        let failure = failure.with_bytes(sent, error.arrived());
        let timed_out = error.kind() == Kind::TimedOut;
        Failure { arguments: self.arguments.clone(), timed_out, ..failure }
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
        let reply = self.with_client(bytes, |client| client.ask(bytes))?;
        Ok(self.answer(bytes, reply))
    }

    /// Sends bytes as they are, and reads nothing.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.with_client(bytes, |client| client.send(bytes))
    }

    /// Reads the response to these bytes, which were sent before.
    pub fn read(&mut self, sent: &[u8]) -> Result<Answer, Failure> {
        let reply = self.with_client(sent, Client::read_reply)?;
        Ok(self.answer(sent, reply))
    }

    /// Wraps the reply that the client has read as the response to these bytes.
    pub fn answer(&self, sent: &[u8], reply: Reply) -> Answer {
        let (arguments, output) = (self.server.arguments.clone(), self.server.program.output());
        Answer { sent: sent.to_vec(), reply, arguments, output }
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

    /// Sends a GET request, and connects again if the server closes the connection after its response.
    pub fn get(&mut self, target: &str) -> Result<Answer, Failure> {
        let answer = self.ask("GET", target, &[], b"")?;
        if answer.reply.lists("Connection", "close") {
            let patience = self.client.patience();
            *self = self.server.connect()?;
            self.client.set_patience(patience);
        }
        Ok(answer)
    }

    /// The client, for operations without a method here.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Does something for which there is no method here. An error is a failure after these bytes were sent.
    pub fn with_client<T>(
        &mut self,
        sent: &[u8],
        act: impl FnOnce(&mut Client) -> Result<T, WireError>,
    ) -> Result<T, Failure> {
        act(&mut self.client).map_err(|error| self.server.failure(&error, sent))
    }

    /// Sends bytes that are not a request, and reads `count` bytes.
    pub fn exchange(&mut self, bytes: &[u8], count: usize) -> Result<Vec<u8>, Failure> {
        let exchange = |client: &mut Client| {
            client.send(bytes)?;
            client.read_exact(count)
        };
        self.with_client(bytes, exchange).map_err(|failure| failure.expecting(in_bytes(count)))
    }

    /// Closes the sending direction (FIN).
    pub fn half_close(&mut self) -> Result<(), Failure> {
        self.with_client(b"", Client::half_close)
    }

    /// Requires that the server closes without sending another byte. `expected` is the text for a failure.
    pub fn ends(&mut self, expected: &str) -> Result<(), Failure> {
        let closed = self.with_client(b"", Client::expect_closed);
        closed.map_err(|failure| failure.expecting(expected))
    }

    /// Requires that the server closes after this response, without another byte.
    pub fn ends_after(&mut self, answer: &Answer, expected: &str) -> Result<(), Failure> {
        self.client.expect_closed().map_err(|error| {
            let timed_out = error.kind() == Kind::TimedOut;
            Failure { timed_out, ..answer.failure(expected, error.message()) }
        })
    }

    /// Waits for the server to close, and fails if it sends a byte after the response.
    fn nothing_more(&mut self, answer: &Answer) -> Result<(), Failure> {
        let more = match self.client.read_to_end() {
            Ok(more) => more,
            // A reset after the complete response is bad style, but does no harm here.
            Err(error) if error.kind() == Kind::Reset => return Ok(()),
            Err(error) => {
                let failure = self.server.failure(&error, &answer.sent);
                return Err(failure.expecting("the server closes after its response"));
            }
        };
        if more.is_empty() {
            return Ok(());
        }
        let all = [answer.reply.raw.as_slice(), &more].concat();
        let got = format!("{} more", in_bytes(more.len()));
        Err(Failure::new("nothing after the response", got)
            .with_bytes(&answer.sent, &all)
            .with_wrong_at(answer.reply.raw.len())
            .with_rule("RFC 9112 section 6.3 (Message Body Length)"))
    }
}

fn in_bytes(count: usize) -> String {
    if count == 1 { "1 byte".to_string() } else { format!("{count} bytes") }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        let conversation = Conversation::of(&self.client);
        let mut all = self.server.conversations.lock().unwrap_or_else(PoisonError::into_inner);
        conversation::keep(&mut all, conversation);
    }
}
