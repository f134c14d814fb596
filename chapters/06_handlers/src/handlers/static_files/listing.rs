//! The page that lists a directory. File names are untrusted text, so each is escaped.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use super::open::Found;
use super::resolve::Root;
use crate::http::html::escape;
use crate::http::percent::encode_segment;

/// Renders the list of the files that can be served from `folder`: directories first, each group
/// sorted by name.
///
/// `segments` are the segments of the directory below the root, including the empty one at the end,
/// and `path` is its decoded path, which is displayed. Each entry is looked up like a request, so
/// exactly the files that can be served are listed; an entry that cannot be looked up is left out.
/// The whole page is built in memory, which is too much for a directory with a million files. So
/// listings are off by default.
///
/// # Errors
/// Returns an error when the directory cannot be read.
pub fn page(root: &Root, segments: &[String], folder: &Path, path: &str) -> io::Result<String> {
    let mut entries = Vec::new();
    let mut segments = segments.to_vec();
    for entry in fs::read_dir(folder)? {
        // A name that is not Unicode cannot be written in a URL of this server.
        let Ok(name) = entry?.file_name().into_string() else { continue };
        if let Some(last) = segments.last_mut() {
            last.clone_from(&name);
        }
        match root.find(&segments) {
            Ok(Some(Found::File(_))) => entries.push((true, name)),
            Ok(Some(Found::Folder(_))) => entries.push((false, name)),
            Ok(None) | Err(_) => {}
        }
    }
    entries.sort();
    Ok(render(path, segments.len() > 1, &entries))
}

fn render(path: &str, has_parent: bool, entries: &[(bool, String)]) -> String {
    let title = escape(path);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <h1>{title}</h1>\n<ul>\n"
    );
    if has_parent {
        page.push_str("<li><a href=\"../\">../</a></li>\n");
    }
    for (is_file, name) in entries {
        let slash = if *is_file { "" } else { "/" };
        // The link begins with `./`, because a file may be called `javascript:alert(1)`, and a link
        // with that target would run it.
        let link: String = encode_segment(name).collect();
        let (link, name) = (escape(&link), escape(name));
        let _ = writeln!(page, "<li><a href=\"./{link}{slash}\">{name}{slash}</a></li>");
    }
    page.push_str("</ul>\n</html>\n");
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_and_links_are_paths() {
        let entries = [
            (false, "sub".to_string()),
            (true, "<b>&\"'.txt".to_string()),
            (true, "javascript:alert(1)".to_string()),
            (true, "100% é?#.txt".to_string()),
        ];
        let page = render("/static/<x>/", true, &entries);
        assert!(page.contains("<title>/static/&lt;x&gt;/</title>"), "{page}");
        let lines: Vec<&str> = page.lines().filter(|line| line.starts_with("<li>")).collect();
        assert_eq!(lines[0], "<li><a href=\"../\">../</a></li>");
        assert_eq!(lines[1], "<li><a href=\"./sub/\">sub/</a></li>");
        assert!(lines[2].ends_with(">&lt;b&gt;&amp;&quot;&#39;.txt</a></li>"), "{page}");
        assert!(!lines[2].contains("<b>") && !lines[2].contains("\"<"), "{page}");
        assert!(lines[3].contains("href=\"./javascript:"), "{page}");
        assert!(lines[4].contains("href=\"./100%25%20%C3%A9%3F%23.txt\""), "{page}");
        assert!(page.ends_with("</li>\n</ul>\n</html>\n"), "{page}");
    }

    #[test]
    fn a_directory_is_listed_with_directories_first_and_without_hidden_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("z")).unwrap();
        for name in ["b.txt", "a.txt", ".hidden"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let root = Root::new(folder.path()).unwrap();
        let page = page(&root, &[String::new()], folder.path(), "/").unwrap();
        let names: Vec<&str> = page
            .lines()
            .filter_map(|line| line.strip_suffix("</a></li>")?.rsplit_once('>').map(|it| it.1))
            .collect();
        assert_eq!(names, ["z/", "a.txt", "b.txt"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_root_is_not_listed_and_neither_is_one_with_a_hidden_name() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "").unwrap();
        symlink("a", folder.path().join("inside")).unwrap();
        symlink("/", folder.path().join("out")).unwrap();
        symlink("nowhere", folder.path().join("dangling")).unwrap();
        symlink("a", folder.path().join(".alias")).unwrap();
        let root = Root::new(folder.path()).unwrap();
        let page = page(&root, &[String::new()], folder.path(), "/").unwrap();
        assert!(
            page.contains("inside")
                && !["out", "dangling", "alias"].iter().any(|it| page.contains(it)),
            "{page}"
        );
    }
}
