//! Handlers that any application can use: what a server says of itself, and files.

mod check;
pub mod health;
pub mod static_files;

pub use health::Health;
pub use static_files::StaticFiles;
