//! Handlers that any application can use: health checks and static files.

mod check;
pub mod health;
pub mod static_files;

pub use health::Health;
pub use static_files::StaticFiles;
