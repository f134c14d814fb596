//! The application that is built with the server: its paths and their handlers.

mod inspect;
mod pages;
mod users;

use crate::Arguments;
use crate::http::{Request, Router, Routes, Status};

/// Builds the application as one handler.
///
/// # Errors
/// Returns an error when two routes conflict.
pub fn build(_arguments: &Arguments) -> anyhow::Result<Routes> {
    let mut router = Router::new();
    router.any("/inspect", inspect::show);
    router.post("/echo", pages::echo);
    router.put("/echo", pages::echo);
    router.get("/hello/:name", pages::hello);
    router.get("/files/*path", pages::files);
    router.get("/empty", |_: &mut Request| Status::NO_CONTENT);
    users::routes(&mut router);
    let welcome = pages::welcome(&router);
    router.get("/", welcome);
    Ok(router.build()?)
}
