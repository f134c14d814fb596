//! Static files: responds to a request with a file below a directory. The function
//! `StaticFiles::respond` has the steps of this list.
//!
//! 1. [`resolve`] and [`mod@open`]: the segments of the path become an open file below the root, or
//!    a directory, or 404.
//! 2. A directory without a slash at its end is redirected to the path with one, since the links on
//!    its page are relative to that path. With the slash, the response is its `index.html`, its
//!    [`listing`], or 404.
//! 3. The length, times and tag are read from the open file, not by its name, which may belong to
//!    another file by now.
//! 4. [`crate::http::validators`] and [`caching`]: the version of the file, and the time for which
//!    it may be used without revalidation.
//! 5. [`crate::http::conditional`]: the result if the client already has this version (304), or
//!    requires another version (412).
//! 6. The file is sent in parts, as fast as the client reads: memory use does not grow with the
//!    size of the file.

pub mod caching;
pub mod listing;
pub mod open;
pub mod resolve;

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::core::stderr::log_stderr;
use crate::http::conditional::{self, Evaluation};
use crate::http::validators::Validators;
use crate::http::{
    Handler, HeaderValue, HttpError, IntoResponse, Request, Response, ResponseBody, Router, Status,
    date, header, mime,
};
use caching::Caching;
use open::{Found, Opened};
use resolve::Root;

/// The file that is served in response to a request for its directory.
const INDEX: &str = "index.html";

/// A handler that serves the files below a directory. Listings are off by default, and hidden files
/// are never served.
#[derive(Debug, Clone)]
pub struct StaticFiles {
    root: Root,
    /// The number of segments of the prefix under which the files are served.
    skip: usize,
    caching: Caching,
    has_listings: bool,
}

impl StaticFiles {
    /// Creates a handler for the files below `folder`.
    ///
    /// # Errors
    /// Returns an error when there is no such directory.
    pub fn new(folder: &Path) -> io::Result<StaticFiles> {
        let root = Root::new(folder)?;
        Ok(StaticFiles { root, skip: 0, caching: Caching::default(), has_listings: false })
    }

    /// Sets the time for which clients may use a file without revalidation.
    pub fn with_caching(self, caching: Caching) -> StaticFiles {
        StaticFiles { caching, ..self }
    }

    /// Enables directory listings, for directories without an `index.html`.
    pub fn with_listings(self) -> StaticFiles {
        StaticFiles { has_listings: true, ..self }
    }

    /// Adds routes for the files under a prefix such as `/static`, and for the prefix itself.
    pub fn routes(self, router: &mut Router, prefix: &str) {
        let skip = prefix.split('/').skip(1).count();
        let files = Arc::new(StaticFiles { skip, ..self });
        for pattern in [prefix.to_string(), format!("{prefix}/"), format!("{prefix}/*path")] {
            let files = Arc::clone(&files);
            router.get(&pattern, move |request: &mut Request| files.handle(request));
        }
    }

    fn respond(&self, request: &Request) -> io::Result<Response> {
        // 1. Look up the path.
        let segments = request.target().segments();
        let segments = segments.get(self.skip..).unwrap_or_default();
        let Some(found) = self.root.find(segments)? else { return Ok(not_found()) };

        // 2. The path of a directory ends in a slash, and the path of a file does not.
        let is_folder_path = segments.last().is_some_and(String::is_empty);
        let opened = match (found, is_folder_path) {
            (Found::Folder(_), false) => return Ok(redirect_to_folder(request)),
            (Found::Folder(folder), true) => match self.index(segments)? {
                Some(index) => index,
                None if self.has_listings => return self.list(request, segments, &folder),
                None => return Ok(not_found()),
            },
            (Found::File(file), false) => file,
            (Found::File(_), true) => return Ok(not_found()),
        };

        // 3. The open file stays the same, even if another file gets its name.
        let Opened { file, metadata, path } = opened;

        // 4. The fields that identify the version are the same in a 200 and a 304 (RFC 9110
        //    section 15.4.5).
        let name = name_with_type(segments, &path);
        let content_type = mime::content_type(&name);
        let validators = Validators::of(&metadata, date::now());
        let describe = |mut response: Response| {
            let caching = self.caching.value(&content_type);
            response.headers_mut().set(header::CACHE_CONTROL, caching);
            // A proxy in front of the client may compress the response.
            let vary = HeaderValue::from_static("Accept-Encoding");
            response.headers_mut().set(header::VARY, vary);
            validators.add_to(response.headers_mut());
            response
        };

        // 5. Evaluate the preconditions of the request.
        match conditional::evaluate(request.method(), request.headers(), Some(&validators)) {
            Evaluation::Proceed => {}
            Evaluation::NotModified => return Ok(describe(Response::new(Status::NOT_MODIFIED))),
            Evaluation::Failed => return Ok(precondition_failed()),
        }

        // 6. Send the file. A browser must not guess from the content that a text file is a script.
        let nosniff = HeaderValue::from_static("nosniff");
        let mut response = Response::new(Status::OK)
            .with_header(header::CONTENT_TYPE, content_type.clone())
            .with_header(header::X_CONTENT_TYPE_OPTIONS, nosniff)
            .with_body(ResponseBody::File { file, range: 0..metadata.len() });
        if let Some(encoding) = mime::content_encoding(&name) {
            response.headers_mut().set(header::CONTENT_ENCODING, encoding);
        }
        Ok(describe(response))
    }

    /// Returns the index file of the directory with these segments, if it exists and may be served.
    /// Like any file, it may be a link.
    fn index(&self, segments: &[String]) -> io::Result<Option<Opened>> {
        let parents = segments.iter().take(segments.len().saturating_sub(1)).cloned();
        let index: Vec<String> = parents.chain([INDEX.to_string()]).collect();
        Ok(match self.root.find(&index)? {
            Some(Found::File(index)) => Some(index),
            _ => None,
        })
    }

    fn list(&self, request: &Request, segments: &[String], folder: &Path) -> io::Result<Response> {
        let path = request.target().decoded_path();
        let page = listing::page(&self.root, segments, folder, &path)?;
        let no_cache = HeaderValue::from_static("no-cache");
        Ok(Response::html(page).with_header(header::CACHE_CONTROL, no_cache))
    }
}

impl Handler for StaticFiles {
    fn handle(&self, request: &mut Request) -> Response {
        match self.respond(request) {
            Ok(response) => response,
            Err(error) if resolve::is_absent(&error) => not_found(),
            Err(error) => {
                log_stderr(format_args!("{}: {error}", request.target().raw()));
                let message = "the file cannot be read";
                HttpError::new(Status::INTERNAL_SERVER_ERROR, "internal_error", message)
                    .into_response()
            }
        }
    }
}

/// Returns the file name whose extension determines the media type: the requested name, since
/// `app.js` may be a link to a file with another name. If the requested name has no known
/// extension, as in `latest -> v2.pdf`, the name of the linked file is used.
fn name_with_type<'a>(segments: &'a [String], file: &'a Path) -> Cow<'a, str> {
    match segments.last() {
        Some(name) if name.is_empty() => INDEX.into(),
        Some(name) if mime::is_known(name) => name.into(),
        _ => file.to_string_lossy(),
    }
}

/// Redirects to the same path with a slash at its end. The path is the canonical one, so it cannot
/// contain a line end. It begins with the prefix, so it cannot begin with two slashes, which would
/// name another host.
fn redirect_to_folder(request: &Request) -> Response {
    let query = request.target().query().map(|query| format!("?{query}")).unwrap_or_default();
    match HeaderValue::try_from(format!("{}/{query}", request.path())) {
        Ok(location) => Response::redirect(Status::MOVED_PERMANENTLY, location),
        Err(_) => not_found(),
    }
}

fn not_found() -> Response {
    HttpError::new(Status::NOT_FOUND, "not_found", "there is no such file").into_response()
}

fn precondition_failed() -> Response {
    let message =
        "the file does not meet the condition of the request: If-Match or If-Unmodified-Since";
    HttpError::new(Status::PRECONDITION_FAILED, "precondition_failed", message).into_response()
}
