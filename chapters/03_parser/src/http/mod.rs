//! HTTP: the interpretation of the bytes. Only `exchange` uses a connection, so the other modules
//! can be tested without one.

pub mod authority;
pub mod body;
mod body_decoder;
mod body_error;
pub mod chunked;
pub mod date;
pub mod encoder;
pub mod exchange;
pub mod extract;
pub mod fields;
pub mod framing;
pub mod handler;
pub mod header;
pub mod header_name;
pub mod header_value;
pub mod headers;
pub mod http_error;
pub mod invalid_target;
pub mod limits;
pub mod line;
pub mod method;
pub mod parser;
pub mod percent;
pub mod request;
pub mod response;
pub mod status;
pub mod target;
pub mod version;

pub use handler::{Handler, IntoResponse};
pub use header_name::HeaderName;
pub use header_value::HeaderValue;
pub use headers::Headers;
pub use http_error::HttpError;
pub use method::Method;
pub use request::Request;
pub use response::{Response, ResponseBody};
pub use status::Status;
pub use target::Target;
pub use version::Version;
