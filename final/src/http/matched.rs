//! The route that matched a request.

use std::sync::Arc;

use super::url::Urls;

/// The route that was found for a request, with the values of its parameters.
#[derive(Debug, Clone)]
pub struct Matched {
    pub(super) pattern: String,
    pub(super) params: Vec<(String, String)>,
    pub(super) urls: Arc<Urls>,
}

impl Matched {
    /// Returns the pattern of the route.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Returns the value of a parameter, if the pattern has it.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// Returns the named routes of the route table.
    pub fn urls(&self) -> &Urls {
        &self.urls
    }
}
