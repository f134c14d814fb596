//! THE LOOP of one connection: read a request, let it be handled, respond, again.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::body::{BodyDecoder, RequestBody};
use super::encoder::{self, ResponseContext, Reuse};
use super::framing::BodyLength;
use super::handler::final_response;
use super::limits::{KIB, Limits};
use super::parser::{Head, HeadParser};
use super::{Handler, HttpError, IntoResponse, Method, Request, Response, Status, Version, header};
use crate::core::{Connection, Deadline, Fill, Registration, State};

/// Bytes that are buffered for a connection: the largest head, and room to read a body in large pieces.
pub fn buffer_size(limits: &Limits) -> usize {
    limits.head + 16 * KIB
}

/// Answers the requests of one connection, one after the other, until it ends.
///
/// # Errors
/// What the socket reports: the client has reset the connection, or does not read its answers.
pub fn serve(
    mut connection: Connection,
    handler: &dyn Handler,
    limits: &Limits,
    registration: &Registration,
) -> io::Result<()> {
    for served in 1.. {
        let mut parser = HeadParser::new(limits);
        let read = read_request(&mut connection, &mut parser, limits, registration);
        let mut request = match read {
            Ok(Some(request)) => request,
            Ok(None) => break, // the client is done
            Err(ExchangeError::Refused(error)) => {
                write_refusal(&mut connection, &error, parser.is_head(), limits)?;
                break;
            }
            Err(ExchangeError::Broken(error)) => return Err(error),
        };
        connection.enter(State::Processing)?;
        // What the answer depends on is noted first. A handler may do with the request what it likes, and even put
        // another one in its place.
        let (version, is_head) = (request.version(), request.method() == Method::Head);
        let wants_more = request.wants_keep_alive();
        let response = handle(handler, &mut request);
        let keep_alive = wants_more && served < limits.requests && !registration.must_end();
        let context = ResponseContext { version, is_head, keep_alive };
        // If the end of the connection is the end of the response, an early FIN would make it look complete. So until
        // it is, whatever ends the connection is a reset (RFC 9112 section 8).
        let ends_with_connection = version == Version::Http10 && response.body().length().is_none();
        if ends_with_connection {
            connection.reset_on_close(true)?;
        }
        let mut output = Output { connection: &mut connection, limits };
        let reuse = encoder::write_response(response, context, &mut output)?;
        if ends_with_connection {
            connection.reset_on_close(false)?;
        }
        if reuse == Reuse::No {
            break;
        }
    }
    registration.closing();
    // The client may still be sending, so this waits for it: see `Connection::close`.
    connection.close(limits.linger);
    Ok(())
}

/// Why there is no request to handle, and no other will follow.
enum ExchangeError {
    /// The client must be told.
    Refused(HttpError),
    /// The client cannot be told.
    Broken(io::Error),
}

impl From<io::Error> for ExchangeError {
    fn from(error: io::Error) -> ExchangeError {
        ExchangeError::Broken(error)
    }
}

impl<E: Into<HttpError>> From<Refusal<E>> for ExchangeError {
    fn from(Refusal(error): Refusal<E>) -> ExchangeError {
        ExchangeError::Refused(error.into())
    }
}

/// Marks an error as one that the client is told.
struct Refusal<E>(E);

/// Reads the next request. `None`: the client has nothing more to say, or left in the middle of it.
fn read_request(
    connection: &mut Connection,
    parser: &mut HeadParser<'_>,
    limits: &Limits,
    registration: &Registration,
) -> Result<Option<Request>, ExchangeError> {
    // Wait for the first byte, unless it came with the request before (pipelining). It stays in the kernel until the
    // connection is busy, so that a shutdown on another thread sees one or the other.
    if connection.buffered().is_empty() {
        registration.idle();
        match connection.wait(Deadline::after(limits.idle_time))? {
            Fill::Bytes(_) => registration.busy(),
            Fill::Eof | Fill::TimedOut | Fill::Full => return Ok(None),
        }
    }
    connection.enter(State::Reading)?;
    let Some(head) = read_head(connection, parser, limits)? else { return Ok(None) };

    // Before anything is read of the body: may it be sent at all?
    let mut decoder = BodyDecoder::new(head.body_length, limits).map_err(Refusal)?;
    let expects_continue = expects_continue(&head).map_err(Refusal)?;

    let mut body = Vec::new();
    let deadline = Deadline::after(limits.body_time);
    let mut told = !expects_continue;
    loop {
        let used = decoder.decode(connection.buffered(), &mut body).map_err(Refusal)?;
        connection.consume(used);
        if decoder.is_done() {
            break;
        }
        // A client that asks first is told to go on, unless its body is on the way already.
        if !told && used == 0 {
            let deadline = Deadline::after(limits.write_time);
            connection.write_all(b"HTTP/1.1 100 Continue\r\n\r\n", deadline)?;
            connection.enter(State::Reading)?;
        }
        told = true;
        match connection.fill(deadline)? {
            Fill::Bytes(_) => {}
            Fill::Eof | Fill::Full => return Ok(None),
            Fill::TimedOut => return Err(Refusal(too_slow("body")).into()),
        }
    }
    let (body, trailers) = (RequestBody::from(body), decoder.into_trailers());
    Ok(Some(Request::new(head, body, trailers, connection.peer())))
}

/// Reads the head of a request whose first byte has come. One deadline for all of it: a client that
/// sends a byte now and then does not move it.
fn read_head(
    connection: &mut Connection,
    parser: &mut HeadParser<'_>,
    limits: &Limits,
) -> Result<Option<Head>, ExchangeError> {
    let deadline = Deadline::after(limits.head_time);
    loop {
        if let Some((head, used)) = parser.push(connection.buffered()).map_err(Refusal)? {
            connection.consume(used);
            return Ok(Some(head));
        }
        match connection.fill(deadline)? {
            Fill::Bytes(_) => {}
            Fill::Eof | Fill::Full => return Ok(None), // the parser refuses a head before it is Full
            Fill::TimedOut => return Err(Refusal(too_slow("head")).into()),
        }
    }
}

fn too_slow(part: &str) -> HttpError {
    let message = format!("the {part} of the request did not arrive in time");
    HttpError::new(Status::REQUEST_TIMEOUT, "request_timeout", message)
}

/// Whether the client waits for our word before it sends the body (RFC 9110 section 10.1.1).
fn expects_continue(head: &Head) -> Result<bool, HttpError> {
    let expectations: Vec<&str> = head.headers.list(header::EXPECT).collect();
    if head.version == Version::Http10 || expectations.is_empty() {
        return Ok(false);
    }
    if expectations.iter().any(|expectation| !expectation.eq_ignore_ascii_case("100-continue")) {
        let message = "the only expectation that can be met is 100-continue";
        return Err(HttpError::new(Status::EXPECTATION_FAILED, "expectation_failed", message));
    }
    Ok(head.body_length != BodyLength::Fixed(0))
}

/// Lets the application answer. A panic in it costs this one answer and nothing else.
fn handle(handler: &dyn Handler, request: &mut Request) -> Response {
    let response = catch_unwind(AssertUnwindSafe(|| handler.handle(request)))
        .unwrap_or_else(|_| HttpError::internal().into_response());
    final_response(response, format_args!("{} {}", request.method(), request.target().raw()))
}

/// One response to a client whose request nobody will read, then the end.
///
/// # Errors
/// What the socket reports.
pub fn reject(mut connection: Connection, error: &HttpError, limits: &Limits) -> io::Result<()> {
    write_refusal(&mut connection, error, false, limits)?;
    connection.close(limits.linger);
    Ok(())
}

/// The last response to a client with which we cannot go on. `is_head`: what could be read of its request asks
/// with HEAD, so the response has no body.
fn write_refusal(
    connection: &mut Connection,
    error: &HttpError,
    is_head: bool,
    limits: &Limits,
) -> io::Result<()> {
    let mut response = error.clone().into_response();
    if error.status == Status::SERVICE_UNAVAILABLE {
        response.headers_mut().set(header::RETRY_AFTER, 1u64.into());
    }
    let context = ResponseContext { version: Version::Http11, is_head, keep_alive: false };
    encoder::write_response(response, context, &mut Output { connection, limits })?;
    Ok(())
}

/// The connection as the encoder sees it. Each piece has a deadline of its own, so a large answer may
/// take long, but not a client that reads nothing.
struct Output<'a> {
    connection: &'a mut Connection,
    limits: &'a Limits,
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.connection.write_all(bytes, Deadline::after(self.limits.write_time))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
