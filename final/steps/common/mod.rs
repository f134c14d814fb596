//! Code that the steps of part 6 share: HTTP without a socket. Bytes become requests, and responses become bytes.

use std::net::SocketAddr;

use ch06_handlers::Limits;
use ch06_handlers::http::body::{BodyDecoder, RequestBody};
use ch06_handlers::http::encoder::{ResponseContext, Reuse, write_response};
use ch06_handlers::http::parser::{Head, HeadParser};
use ch06_handlers::http::{HttpError, IntoResponse, Method, Request, Response, Version};

/// The messages of one connection, as far as they have arrived and have not been sent yet.
pub(crate) struct Messages {
    peer: SocketAddr,
    pub(crate) input: Vec<u8>,
    parser: HeadParser,
    /// A request whose header section is complete, and as much of its body as has arrived.
    pub(crate) request: Option<(Head, BodyDecoder, Vec<u8>)>,
    /// The bytes that have not been sent yet.
    pub(crate) output: Vec<u8>,
    /// The last response is in `output`, or has been sent.
    pub(crate) ends: bool,
}

impl Messages {
    pub(crate) fn new(peer: SocketAddr) -> Messages {
        let parser = HeadParser::new(&Limits::default());
        Messages { peer, input: Vec::new(), parser, request: None, output: Vec::new(), ends: false }
    }

    /// Takes received bytes. After the last response they are dropped.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        if !self.ends {
            self.input.extend_from_slice(bytes);
        }
    }

    /// The next request, if it is complete. A malformed request is rejected here, and is the last one.
    pub(crate) fn next_request(&mut self) -> Option<Request> {
        if self.ends {
            return None;
        }
        self.parse().unwrap_or_else(|error| {
            self.reject(error);
            None
        })
    }

    fn parse(&mut self) -> Result<Option<Request>, HttpError> {
        if self.request.is_none() {
            let Some((head, used)) = self.parser.push(&self.input)? else { return Ok(None) };
            self.input.drain(..used);
            self.parser = HeadParser::new(&Limits::default());
            let decoder = BodyDecoder::new(head.body_length, &Limits::default())?;
            self.request = Some((head, decoder, Vec::new()));
        }
        let Some((head, mut decoder, mut body)) = self.request.take() else { return Ok(None) };
        let used = decoder.decode(&self.input, &mut body)?;
        self.input.drain(..used);
        if !decoder.is_done() {
            self.request = Some((head, decoder, body));
            return Ok(None);
        }
        let trailers = decoder.into_trailers();
        Ok(Some(Request::new(head, RequestBody::from(body), trailers, self.peer)))
    }

    pub(crate) fn respond(&mut self, response: Response, context: ResponseContext) {
        let reuse = write_response(response, context, &mut self.output);
        self.ends = !matches!(reuse, Ok(Reuse::Yes));
    }

    /// Queues the last response: where the next request would begin is unknown.
    pub(crate) fn reject(&mut self, error: HttpError) {
        let (version, is_head, keep_alive) = (Version::Http11, false, false);
        let context = ResponseContext { version, is_head, keep_alive };
        self.respond(error.into_response(), context);
    }
}

/// The facts that the response depends on, saved before the handler runs, because it may change the request.
pub(crate) fn context_of(request: &Request) -> ResponseContext {
    ResponseContext {
        version: request.version(),
        is_head: request.method() == Method::Head,
        keep_alive: request.wants_keep_alive(),
    }
}
