//! Writes the root module of each chapter for a page. It has the modules of the chapter's `lib.rs`, from the chapter's
//! own files. Only `server` is replaced, and `core` has no listener and no signals. The functions that a page calls are
//! added, and the code that explains bytes, which comes from the labs' server (xtask/labs).

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const CHAPTERS: [(&str, &str); 4] = [
    ("ch03", "03_parser"),
    ("ch04", "04_router"),
    ("ch05", "05_middleware"),
    ("ch06", "06_handlers"),
];

/// Modules that every chapter gets, and their directories.
const OURS: [(&str, &str); 6] = [
    ("page/src", "exports"),
    ("labs/src", "blame"),
    ("labs/src", "explain"),
    ("labs/src", "label"),
    ("labs/src", "message"),
    ("labs/src", "part"),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_WASM").is_none() {
        return;
    }
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2).expect("xtask/page lies two directories deep").to_path_buf();
    let out = PathBuf::from(variable("OUT_DIR"));
    for (name, chapter) in CHAPTERS {
        let source = root.join("chapters").join(chapter).join("src");
        let mut text = prelude(chapter);
        modules(&mut text, &source.join("lib.rs"), |module| match module {
            "core" => None,
            "server" => Some(here.join("src/server.rs")),
            _ => Some(found(&source, module)),
        });
        text.push_str(
            "/// The chapter's core, without its listener and signals.\npub mod core {\n",
        );
        let core = source.join("core");
        modules(&mut text, &core.join("mod.rs"), |module| match module {
            "listener" | "signals" => None,
            _ => Some(found(&core, module)),
        });
        text.push_str("}\n");
        for (folder, module) in OURS {
            let path = root.join("xtask").join(folder).join(module).with_extension("rs");
            // No chapter uses all of them.
            let _ = writeln!(text, "#[allow(dead_code)]\n{}\nmod {module};", at(&path));
        }
        fs::write(out.join(name).with_extension("rs"), text).expect("OUT_DIR can be written");
    }
}

/// The items above the modules of `chapter`.
///
/// The crate that the chapters import as `std` also replaces socket2. The labs' server gets the parser from
/// `httpserver`; here the parser is the chapter's. A chapter shows its package name and serves the package's directory
/// `public`, which is at the root in a page.
fn prelude(chapter: &str) -> String {
    format!(
        r#"extern crate self as httpserver;
extern crate std as socket2;
#[allow(unused_macros)]
macro_rules! env {{
    ("CARGO_PKG_NAME") => {{ "ch{chapter}" }};
    ("CARGO_MANIFEST_DIR") => {{ "" }};
    ($($other:tt)*) => {{ ::std::env!($($other)*) }};
}}
"#
    )
}

/// Copies the declarations of the modules in `file`, each with the path of its file, and their `use` declarations. A
/// module for which `place` returns `None` is left out.
fn modules(to: &mut String, file: &Path, place: impl Fn(&str) -> Option<PathBuf>) {
    println!("cargo::rerun-if-changed={}", file.display());
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    for line in text.lines() {
        let words: Vec<&str> =
            line.split([' ', ':', ';']).filter(|word| !word.is_empty()).collect();
        match words[..] {
            ["pub", "mod", module] | ["mod", module] => {
                if let Some(path) = place(module) {
                    let _ = writeln!(to, "{}\n{line}", at(&path));
                }
            }
            ["pub", "use", module, ..] if place(module).is_some() || module == "crate" => {
                let _ = writeln!(to, "{line}");
            }
            _ => {}
        }
    }
}

/// The attribute that says where the file of a module is. In a raw string a path of Windows needs no escapes.
fn at(path: &Path) -> String {
    format!("#[path = r\"{}\"]", path.display())
}

/// The file of a module: `name.rs`, or `name/mod.rs`.
fn found(folder: &Path, module: &str) -> PathBuf {
    let file = folder.join(module).with_extension("rs");
    if file.is_file() { file } else { folder.join(module).join("mod.rs") }
}

fn variable(name: &str) -> String {
    env::var(name).expect("cargo sets this variable")
}
