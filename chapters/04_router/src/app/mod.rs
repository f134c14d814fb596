//! The program built with the server: which paths there are, and who answers them.

mod inspect;
mod pages;
mod users;

use crate::Arguments;
use crate::http::{Request, Router, Routes, Status};

/// The application, as one handler.
///
/// # Errors
/// When two routes contradict each other.
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
