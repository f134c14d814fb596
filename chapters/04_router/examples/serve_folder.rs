//! A directory as a web site, with nothing but a router: `cargo run -p ch04_router --example
//! serve_folder -- DIRECTORY [ADDRESS]`.
//!
//! The book's own pages are served with it. It demonstrates a wildcard and media types, but it is not
//! a complete static-file server: there is no caching, and files have no validators.

use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::{Context, bail};
use ch04_router::core::signals::on_stop;
use ch04_router::core::stdout::announce;
use ch04_router::http::{HeaderValue, HttpError, Request, Response, Router, Status, header, mime};
use ch04_router::{Arguments, Server};

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let Some(folder) = words.next() else { bail!("usage: serve_folder DIRECTORY [ADDRESS]") };
    let folder =
        fs::canonicalize(&folder).with_context(|| format!("there is no directory `{folder}`"))?;
    let arguments = Arguments::parse(words)?;
    let server = Server::bind(arguments.address)
        .with_context(|| format!("cannot listen on {}", arguments.address))?;
    announce(format_args!("listening on http://{}", server.local_addr()));
    let stop = server.handle();
    on_stop(move || stop.shutdown())?;

    let mut router = Router::new();
    let site = Site { folder };
    let start = site.clone();
    router.get("/", move |_: &mut Request| start.answer("/", &[]));
    router.get("/*path", move |request: &mut Request| {
        site.answer(request.path(), &request.target().segments())
    });
    server.run(router.build()?)?;
    Ok(())
}

#[derive(Clone)]
struct Site {
    folder: PathBuf,
}

impl Site {
    /// Returns the file at a path. For a directory, that is its `index.html`, at a path that ends
    /// with a slash.
    fn answer(&self, path: &str, segments: &[String]) -> Result<Response, HttpError> {
        let absent = || HttpError::new(Status::NOT_FOUND, "not_found", "there is no such file");
        let mut file = self.folder.clone();
        for segment in segments.iter().filter(|segment| !segment.is_empty()) {
            // No segment may lead out of the directory, or to a hidden file.
            let leads_away = segment.contains(['/', '\\', '\0', ':']) || segment.starts_with('.');
            if leads_away {
                return Err(absent());
            }
            file.push(segment);
        }
        if file.is_dir() {
            if !path.ends_with('/') {
                // With one leading slash, because a browser interprets the text after two slashes
                // as a host.
                let location = format!("/{}/", path.trim_start_matches('/'));
                let location = HeaderValue::try_from(location).map_err(|_| absent())?;
                return Ok(Response::redirect(Status::MOVED_PERMANENTLY, location));
            }
            file.push("index.html");
        }
        // The requested name determines the type: `app.js` may be a link to a file of another name.
        let name = file.to_string_lossy().into_owned();
        // A link in the directory may still lead out of it.
        let file = fs::canonicalize(file).map_err(|_| absent())?;
        if !file.starts_with(&self.folder) || !file.is_file() {
            return Err(absent());
        }
        let opened = File::open(&file)
            .and_then(|file| Response::file(file, mime::content_type(&name)))
            .map_err(|_| absent())?;
        Ok(match mime::content_encoding(&name) {
            Some(encoding) => opened.with_header(header::CONTENT_ENCODING, encoding),
            None => opened,
        })
    }
}

#[cfg(test)]
mod tests {
    use ch04_router::http::Method;

    use super::*;

    /// Regression test: the response to `//src` had `Location: //src/`, which a browser interprets as the
    /// host `src`. With a directory named like a host, a link could redirect this server's visitors to
    /// that host.
    #[test]
    fn a_folder_is_redirected_on_this_server_and_to_no_other() {
        let site = Site { folder: fs::canonicalize(env!("CARGO_MANIFEST_DIR")).unwrap() };
        for (asked, location) in [
            ("/src", "/src/"),
            ("/src/http", "/src/http/"),
            ("//src", "/src/"),
            ("///src//http", "/src//http/"),
        ] {
            let request = Request::builder(Method::Get, asked).build();
            let response = site.answer(request.path(), &request.target().segments()).unwrap();
            assert_eq!(response.status(), Status::MOVED_PERMANENTLY, "{asked}");
            let field = response.headers().get(header::LOCATION);
            assert_eq!(field.and_then(HeaderValue::to_str), Some(location), "{asked}");
        }
    }

    /// Regression test: `app.js -> blob` was sent as `application/octet-stream`, which a browser
    /// does not run.
    #[cfg(unix)]
    #[test]
    fn a_file_is_what_the_requested_name_says() {
        let folder = std::env::temp_dir().join(format!("serve_folder_{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("blob"), "").unwrap();
        for name in ["app.js", "logo.svgz"] {
            std::os::unix::fs::symlink("blob", folder.join(name)).unwrap();
        }
        let site = Site { folder: fs::canonicalize(&folder).unwrap() };
        let fields = |name: &str| {
            let response = site.answer(&format!("/{name}"), &[name.to_string()]).unwrap();
            [header::CONTENT_TYPE, header::CONTENT_ENCODING]
                .map(|name| response.headers().get(name)?.to_str().map(ToString::to_string))
        };
        let (js, svgz) = (fields("app.js"), fields("logo.svgz"));
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(js, [Some("text/javascript; charset=utf-8".to_string()), None]);
        assert_eq!(svgz, ["image/svg+xml", "gzip"].map(|it| Some(it.to_string())));
    }
}
