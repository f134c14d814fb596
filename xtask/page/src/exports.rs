//! The functions that a page calls. Bytes go in and out through the connection that the page has prepared.

#![expect(unsafe_code, reason = "the page calls these by their names, which no other symbol of a module has")]

use std::cell::RefCell;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::Limits;
use crate::core::stderr::log_stderr;
use crate::explain;
use crate::server::Server;

thread_local! {
    /// The server of the chapter, or of a lab.
    static SERVER: RefCell<Option<Server>> = const { RefCell::new(None) };
}

/// Serves the connection. The first call builds the application of the chapter.
#[unsafe(no_mangle)]
extern "C" fn serve() {
    SERVER.with_borrow_mut(|server| {
        if server.is_none() {
            match Server::start(crate::build) {
                Ok(started) => *server = Some(started),
                // The same message as in a chapter's `main`.
                Err(error) => log_stderr(format_args!("Error: {error:?}")),
            }
        }
        if let Some(server) = server {
            server.serve();
        }
    });
}

/// Reads all input bytes, and writes the parser's explanation of them as JSON.
#[unsafe(no_mangle)]
extern "C" fn explain() {
    respond(|input| explain::run(input, &Limits::default()));
}

/// Reads a question as JSON, and writes the result as JSON, or `{ "error": … }` if it fails. A question may replace the
/// application that [`serve`] uses.
#[unsafe(no_mangle)]
extern "C" fn lab() {
    respond(|question| {
        serde_json::from_slice(question)
            .map_err(Into::into)
            .and_then(|question: Value| crate::lab(&question))
            .unwrap_or_else(|error: anyhow::Error| json!({ "error": error.to_string() }))
    });
}

/// Makes [`serve`] use this server.
pub(crate) fn replace(server: Server) {
    SERVER.set(Some(server));
}

fn respond(respond: impl FnOnce(&[u8]) -> Value) {
    let outcome = TcpStream::accept().and_then(|mut stream| -> io::Result<()> {
        let mut question = Vec::new();
        (&stream).read_to_end(&mut question)?;
        stream.write_all(respond(&question).to_string().as_bytes())
    });
    if let Err(error) = outcome {
        log_stderr(format_args!("the page: {error}"));
    }
}
