//! THE LOOP of one connection: reads a request, handles it, sends the response, and repeats.

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

/// Returns the buffer size of a connection: the largest header section, plus room to read a body in
/// large blocks.
pub fn buffer_size(limits: &Limits) -> usize {
    limits.head + 16 * KIB
}

/// Serves the requests of one connection, one after the other, until the connection ends.
///
/// # Errors
/// Returns the error from the socket: the client has reset the connection, or does not read its
/// responses.
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
            Ok(None) => break, // the client sends no more
            Err(ExchangeError::Rejected(error)) => {
                write_rejection(&mut connection, &error, parser.is_head(), limits)?;
                break;
            }
            Err(ExchangeError::Broken(error)) => return Err(error),
        };
        connection.enter(State::Processing)?;
        // The handler may change or replace the request, so the facts that the response depends on
        // are saved before.
        let (version, is_head) = (request.version(), request.method() == Method::Head);
        let wants_more = request.wants_keep_alive();
        let response = handle(handler, &mut request);
        let keep_alive = wants_more && served < limits.requests && !registration.must_end();
        let context = ResponseContext { version, is_head, keep_alive };
        // If the response is delimited by the close of the connection, an early FIN would make it
        // look complete. So until the response is sent, any close resets the connection (RFC 9112
        // section 8).
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
    // Lingering close: the client may still be sending, see `Connection::close`.
    connection.close(limits.linger);
    Ok(())
}

/// The reason why a request could not be read. The connection is closed after it.
enum ExchangeError {
    /// The request is rejected, and the client gets a response with this error.
    Rejected(HttpError),
    /// The socket failed, so the client cannot get a response.
    Broken(io::Error),
}

impl From<io::Error> for ExchangeError {
    fn from(error: io::Error) -> ExchangeError {
        ExchangeError::Broken(error)
    }
}

impl<E: Into<HttpError>> From<Rejection<E>> for ExchangeError {
    fn from(Rejection(error): Rejection<E>) -> ExchangeError {
        ExchangeError::Rejected(error.into())
    }
}

/// Wraps an error that is sent to the client as a response.
struct Rejection<E>(E);

/// Reads the next request. Returns `None` when the client sends nothing more, or closes the
/// connection in the middle of a request.
fn read_request(
    connection: &mut Connection,
    parser: &mut HeadParser,
    limits: &Limits,
    registration: &Registration,
) -> Result<Option<Request>, ExchangeError> {
    // The first byte may have arrived together with the previous request (pipelining). Otherwise it
    // stays in the kernel until the connection is marked as busy, so a shutdown on another thread
    // finds either the byte or the mark.
    if connection.buffered().is_empty() {
        registration.idle();
        match connection.wait(Deadline::after(limits.idle_time))? {
            Fill::Bytes(_) => registration.busy(),
            Fill::Eof | Fill::TimedOut | Fill::Full => return Ok(None),
        }
    }
    connection.enter(State::Reading)?;
    let Some(head) = read_head(connection, parser, limits)? else { return Ok(None) };

    // The framing and Expect are checked before any of the body is read, because the client may not
    // have sent it yet.
    let mut decoder = BodyDecoder::new(head.body_length, limits).map_err(Rejection)?;
    let expects_continue = expects_continue(&head).map_err(Rejection)?;

    let mut body = Vec::new();
    let deadline = Deadline::after(limits.body_time);
    let mut continue_sent = !expects_continue;
    loop {
        let used = decoder.decode(connection.buffered(), &mut body).map_err(Rejection)?;
        connection.consume(used);
        if decoder.is_done() {
            break;
        }
        // A client that has sent `Expect: 100-continue` waits for this interim response, unless its
        // body has begun to arrive.
        if !continue_sent && used == 0 {
            let deadline = Deadline::after(limits.write_time);
            connection.write_all(b"HTTP/1.1 100 Continue\r\n\r\n", deadline)?;
            connection.enter(State::Reading)?;
        }
        continue_sent = true;
        match connection.fill(deadline)? {
            Fill::Bytes(_) => {}
            Fill::Eof | Fill::Full => return Ok(None),
            Fill::TimedOut => return Err(Rejection(too_slow("body")).into()),
        }
    }
    let (body, trailers) = (RequestBody::from(body), decoder.into_trailers());
    Ok(Some(Request::new(head, body, trailers, connection.peer())))
}

/// Reads a header section whose first byte has arrived. One deadline covers all of it, so a client
/// cannot extend it by sending a byte now and then (slowloris).
fn read_head(
    connection: &mut Connection,
    parser: &mut HeadParser,
    limits: &Limits,
) -> Result<Option<Head>, ExchangeError> {
    let deadline = Deadline::after(limits.head_time);
    loop {
        if let Some((head, used)) = parser.push(connection.buffered()).map_err(Rejection)? {
            connection.consume(used);
            return Ok(Some(head));
        }
        match connection.fill(deadline)? {
            Fill::Bytes(_) => {}
            Fill::Eof | Fill::Full => return Ok(None), // never `Full`: the parser's limit is below the buffer's
            Fill::TimedOut => return Err(Rejection(too_slow("header section")).into()),
        }
    }
}

fn too_slow(part: &str) -> HttpError {
    let message = format!("the {part} of the request did not arrive in time");
    HttpError::new(Status::REQUEST_TIMEOUT, "request_timeout", message)
}

/// Returns whether the client waits for `100 Continue` before it sends the body (RFC 9110
/// section 10.1.1).
fn expects_continue(head: &Head) -> Result<bool, HttpError> {
    let expectations: Vec<&str> = head.headers.list(header::EXPECT).collect();
    if head.version == Version::Http10 || expectations.is_empty() {
        return Ok(false);
    }
    if expectations.iter().any(|expectation| !expectation.eq_ignore_ascii_case("100-continue")) {
        let message = "the only supported expectation is 100-continue";
        return Err(HttpError::new(Status::EXPECTATION_FAILED, "expectation_failed", message));
    }
    Ok(head.body_length != BodyLength::Fixed(0))
}

/// Calls the handler, and turns a panic in it into a 500 response.
fn handle(handler: &dyn Handler, request: &mut Request) -> Response {
    let response = catch_unwind(AssertUnwindSafe(|| handler.handle(request)))
        .unwrap_or_else(|_| HttpError::internal().into_response());
    final_response(response, format_args!("{} {}", request.method(), request.target().raw()))
}

/// Sends an error response without reading the client's request, and closes the connection.
///
/// # Errors
/// Returns the error from the socket.
pub fn reject(mut connection: Connection, error: &HttpError, limits: &Limits) -> io::Result<()> {
    write_rejection(&mut connection, error, false, limits)?;
    connection.close(limits.linger);
    Ok(())
}

/// Writes the last response of a connection. `is_head` must be true if the rejected request is
/// known to be a HEAD request, because the response then has no body.
fn write_rejection(
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

/// The connection as a writer for the encoder. Every write has its own deadline, so a large
/// response may take a long time, but a client that does not read cannot block the worker forever.
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
