//! Static files: the steps from a request to a file below a directory. `StaticFiles::respond` has
//! the same steps.
//!
//! 1. [`resolve`] and [`mod@open`]: the segments of the path become an open file below the root, or
//!    a directory, or 404.
//! 2. A directory without a slash at its end is redirected to the path with one, because the links
//!    on its page are relative to that path. With the slash, the response is its `index.html`, its
//!    [`listing`], or 404.
//!
//!    [`open_files`] keeps the file open for a moment, so that a file which many clients request is
//!    not looked up for each of them.
//! 3. The length, times and tag are read from the open file, not by its name, which may belong to
//!    another file by now.
//! 4. [`crate::http::validators`] and [`caching`]: the version of the file, and the time for which
//!    a client may use it without revalidation. The header fields with both are kept with the file.
//! 5. [`crate::http::conditional`]: the client already has this version (304), or requires another
//!    one (412).
//! 6. [`range`]: the whole file, a part of it (206), or a part that does not exist (416).
//! 7. The file is sent in parts, as fast as the client reads, so memory use does not depend on the
//!    size of the file.

pub mod caching;
pub mod listing;
#[cfg(target_os = "linux")]
pub mod one_step;
pub mod open;
pub mod open_file;
pub mod open_files;
pub mod range;
pub mod resolve;

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::core::files;
use crate::core::stderr::log_stderr;
use crate::http::conditional::{self, Evaluation};
use crate::http::{
    Handler, HeaderValue, HttpError, IntoResponse, Request, Response, Router, Status, header, mime,
};
use caching::Caching;
use open::{Found, Opened};
use open_file::OpenFile;
use open_files::OpenFiles;
use range::Wanted;
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
    open: Arc<OpenFiles>,
}

/// The result of the lookup of a request's path.
enum Target {
    File(Arc<OpenFile>),
    /// The path does not lead to a file: the response is a redirect, a listing or 404.
    Other(Response),
}

impl StaticFiles {
    /// Creates a handler for the files below `folder`.
    ///
    /// # Errors
    /// Returns an error when there is no such directory.
    pub fn new(folder: &Path) -> io::Result<StaticFiles> {
        let root = Root::new(folder)?;
        let (caching, open) = (Caching::default(), Arc::default());
        Ok(StaticFiles { root, skip: 0, caching, has_listings: false, open })
    }

    /// Sets the time for which clients may use a file without revalidation.
    pub fn with_caching(self, caching: Caching) -> StaticFiles {
        // The header fields in the cache were built with the old setting, so the new cache is
        // empty.
        StaticFiles { caching, open: Arc::default(), ..self }
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
            if pattern.is_empty() {
                continue; // every path begins with a slash
            }
            let files = Arc::clone(&files);
            router.get(&pattern, move |request: &mut Request| files.handle(request));
        }
    }

    fn respond(&self, request: &Request) -> io::Result<Response> {
        // 1. to 4. Look up the file.
        let found = match self.look_up(request)? {
            Target::Other(response) => return Ok(response),
            Target::File(file) => file,
        };
        let OpenFile { length, validators, state, whole, .. } = &*found;
        let length = *length;

        // 5. Evaluate the preconditions of the request.
        match conditional::evaluate(request.method(), request.headers(), Some(validators)) {
            Evaluation::Proceed => {}
            Evaluation::NotModified => {
                return Ok(Response::new(Status::NOT_MODIFIED).with_headers(state.clone()));
            }
            Evaluation::Failed => return Ok(precondition_failed()),
        }

        // 6. and 7. Select the whole file or a part of it, and send it.
        let with_status = |status| Response::new(status).with_headers(whole.clone());
        Ok(match range::wanted(request, validators, length) {
            Wanted::Whole => with_status(Status::OK).with_body(found.body(0..length)),
            Wanted::Part(part) => {
                let text = format!("bytes {}-{}/{length}", part.start, part.end - 1);
                let response = with_status(Status::PARTIAL_CONTENT).with_body(found.body(part));
                range::with_content_range(response, &text)
            }
            Wanted::Missing => range::not_satisfiable(length),
        })
    }

    /// Returns a file that is still open, or looks it up. If the process has run out of file
    /// descriptors, closes the open files that no response is sending, and tries again.
    fn look_up(&self, request: &Request) -> io::Result<Target> {
        let (path, now) = (request.path(), Instant::now());
        // A reload must not be answered from a cached lookup. Browsers send `max-age=0` for a
        // reload and `no-cache` for a forced reload (RFC 9111 sections 5.2.1.1 and 5.2.1.4).
        let reloads =
            |it: &str| ["max-age=0", "no-cache"].iter().any(|word| it.eq_ignore_ascii_case(word));
        if !request.headers().list(header::CACHE_CONTROL).any(reloads)
            && let Some(file) = self.open.get(path, now)
        {
            return Ok(Target::File(file));
        }
        let found = match self.find(request) {
            Err(error) if files::is_exhausted(&error) => {
                self.open.close_unused();
                self.find(request)?
            }
            found => found?,
        };
        // If a later change could go unnoticed, the file is not kept, so the next request opens it
        // again.
        if let Target::File(file) = &found
            && file.is_settled
        {
            self.open.insert(path, file, now);
        }
        Ok(found)
    }

    fn find(&self, request: &Request) -> io::Result<Target> {
        let other = |response| Ok(Target::Other(response));
        // 1. Look up the path.
        let segments = request.target().segments();
        let segments = segments.get(self.skip..).unwrap_or_default();
        let Some(found) = self.root.find(segments)? else { return other(not_found()) };

        // 2. The path of a directory ends in a slash, and the path of a file does not.
        let is_folder_path = segments.last().is_some_and(String::is_empty);
        let opened = match (found, is_folder_path) {
            (Found::Folder(_), false) => return other(redirect_to_folder(request)),
            (Found::Folder(folder), true) => match self.index(segments)? {
                Some(index) => index,
                None if self.has_listings => return other(self.list(request, segments, &folder)?),
                None => return other(not_found()),
            },
            (Found::File(file), false) => file,
            (Found::File(_), true) => return other(not_found()),
        };

        // 3. and 4. Describe the version of the file.
        let name = name_with_type(segments, &opened.path).into_owned();
        let file = OpenFile::new(opened, &name, &self.caching)?;
        Ok(Target::File(Arc::new(file)))
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
                failed(&error)
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

/// Returns the response for a file that exists but cannot be opened.
fn failed(error: &io::Error) -> Response {
    if files::is_exhausted(error) {
        let message = "the server has too many open files; try again";
        return HttpError::new(Status::SERVICE_UNAVAILABLE, "overloaded", message)
            .into_response()
            .with_header(header::RETRY_AFTER, 1u64.into());
    }
    let message = "the file cannot be read";
    HttpError::new(Status::INTERNAL_SERVER_ERROR, "internal_error", message).into_response()
}

fn precondition_failed() -> Response {
    let message =
        "the file does not meet the condition of the request: If-Match or If-Unmodified-Since";
    HttpError::new(Status::PRECONDITION_FAILED, "precondition_failed", message).into_response()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::http::Method;

    /// Regression test: when clients used all descriptors, files got a 500, as for a bug.
    #[cfg(unix)]
    #[test]
    fn a_file_that_cannot_be_opened_is_500_and_503_if_no_descriptor_is_left() {
        use rustix::io::Errno;

        for (error, status, retry_after) in [
            (Errno::IO, Status::INTERNAL_SERVER_ERROR, None),
            (Errno::MFILE, Status::SERVICE_UNAVAILABLE, Some("1")),
            (Errno::NFILE, Status::SERVICE_UNAVAILABLE, Some("1")),
        ] {
            let response = failed(&error.into());
            assert_eq!(response.status(), status, "{error:?}");
            let field = response.headers().get(header::RETRY_AFTER);
            assert_eq!(field.and_then(|value| value.to_str()), retry_after, "{error:?}");
        }
    }

    #[test]
    fn a_clone_with_another_caching_sends_its_own_fields() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.css"), "").unwrap();
        let files = StaticFiles::new(folder.path()).unwrap();
        let hour = files.clone().with_caching(Caching::for_at_most(Duration::from_secs(3600)));
        let caching = |files: &StaticFiles| {
            let response = files.handle(&mut Request::builder(Method::Get, "/a.css").build());
            response.headers().get(header::CACHE_CONTROL).cloned()
        };
        assert_eq!(caching(&hour), HeaderValue::try_from("public, max-age=3600").ok());
        assert_eq!(caching(&files), HeaderValue::try_from("no-cache").ok());
        assert_eq!(caching(&hour), HeaderValue::try_from("public, max-age=3600").ok());
    }
}
