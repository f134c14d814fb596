//! The first page of the book.

use crate::config::About;
use crate::html::escaped;

/// The version of the course, which is the same for all crates.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The title, the authors, the version and the licences.
pub(super) fn page(about: &About) -> String {
    let [title, description, author] =
        [&about.title, &about.description, &about.author].map(|text| escaped(text));
    format!(
        "<div class=\"title-page\"><h1>{title}</h1>\n<p>{description}</p>\n<p>{author}</p>\n\
         <p>Version {VERSION}</p>\n\
         <p>The text is under the Creative Commons Attribution 4.0 International licence \
         (<a href=\"https://creativecommons.org/licenses/by/4.0/\">CC BY 4.0</a>), the code under the MIT licence.</p>\n\
         </div>"
    )
}
