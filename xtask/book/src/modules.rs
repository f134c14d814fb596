//! Compiles the chapters for the pages: `xtask/page` is compiled for wasm32-wasip1, and the modules are put beside the
//! labs.
//!
//! `book/src/labs` gets `ch03.wasm` and so on, `chapters.json` with the files of each chapter and the compiler's errors,
//! and `smuggling.json` with the attacks that the request console can send. A chapter that does not compile keeps its
//! module from the last build. Git ignores these files, and so does `mdbook serve` when it watches for changes.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wire::tables::{Test, smuggling};

use crate::cargo;
use crate::sources::{Chapter, Sources, target};

/// The compilation target of the modules.
const TARGET: &str = "wasm32-wasip1";

/// How to install its standard library.
pub(crate) const REMEDY: &str = "`rustup target add wasm32-wasip1` gets it";

/// The chapters that have a module.
pub(crate) const CHAPTERS: [&str; 4] = ["ch03", "ch04", "ch05", "ch06"];

/// The result of compiling the modules, with the compiler's messages.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    /// Whether the standard library for the target is installed.
    pub(crate) has_target: bool,
    /// The compiler's messages for each chapter that has no module.
    pub(crate) errors: BTreeMap<String, String>,
    /// Warnings about the chapters and the code that is compiled with them.
    pub(crate) warnings: String,
}

/// Compiles the changed modules, and writes the files into `book/src/labs`. A chapter that does not compile is not an
/// error.
pub(crate) fn refresh(sources: &Sources) -> Result<Modules> {
    let labs = sources.root().join("book/src/labs");
    let mut modules = Modules { has_target: has_target(), ..Modules::default() };
    if modules.has_target {
        compile(sources, &mut modules)?;
        let built = target(sources).join(TARGET).join("page/examples");
        for name in CHAPTERS.iter().filter(|name| !modules.errors.contains_key(**name)) {
            let file = format!("{name}.wasm");
            replace(&labs.join(&file), &fs::read(built.join(&file)).context(file)?)?;
        }
    } else {
        eprintln!("the labs of the book need {TARGET}, which is not installed: {REMEDY}");
    }
    for (name, said) in &modules.errors {
        eprintln!("{said}\n{name} does not compile for the pages; the labs keep its last module");
    }
    let list = serde_json::to_vec(&list(sources, &modules)?)?;
    replace(&labs.join("chapters.json"), &list)?;
    replace(&labs.join("smuggling.json"), &serde_json::to_vec(&attacks())?)?;
    Ok(modules)
}

/// Whether rustc has the standard library for the target.
fn has_target() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output =
        Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    output.is_ok_and(|output| {
        output.status.success()
            && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}

/// Compiles all chapters at once, and one at a time if one of them does not compile. Then each has its own messages.
fn compile(sources: &Sources, modules: &mut Modules) -> Result<()> {
    if !sources.root().join("book/src/labs/ch06.wasm").is_file() {
        eprintln!("compiling chapters 3 to 6 for the labs; the first time this takes a minute");
    }
    let (all_compile, said) = build(sources, &CHAPTERS)?;
    if all_compile {
        modules.warnings = said;
        return Ok(());
    }
    for name in CHAPTERS {
        let (compiles, said) = build(sources, &[name])?;
        if !compiles {
            modules.errors.insert(name.to_string(), said);
        }
    }
    Ok(())
}

/// Whether the modules of these chapters compile, and the compiler's messages.
fn build(sources: &Sources, names: &[&str]) -> Result<(bool, String)> {
    let mut cargo = cargo::command(sources.root());
    cargo
        .args(["build", "--quiet", "--keep-going", "--package", "page"])
        .args(names.iter().flat_map(|name| ["--example", name]))
        .args(["--features", "wasm", "--target", TARGET, "--profile", "page"])
        .env("CARGO_ENCODED_RUSTFLAGS", without_folders(sources.root()))
        .stdin(Stdio::null());
    let output = cargo.output().context("cargo cannot be started")?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).trim().to_string()))
}

/// Compiler flags that remove this machine's directories from file names, because panic messages contain file names.
fn without_folders(root: &Path) -> String {
    let cargo = env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let folders = cargo.map(|cargo| cargo.join("registry/src")).into_iter().chain([root.into()]);
    let flags = folders.map(|folder| format!("--remap-path-prefix={}/=", folder.display()));
    flags.collect::<Vec<_>>().join("\u{1f}")
}

/// The contents of `chapters.json`.
fn list(sources: &Sources, modules: &Modules) -> Result<Value> {
    let mut list = json!({ "target": modules.has_target });
    for name in CHAPTERS {
        let (chapter, error) = (sources.chapter(name)?, modules.errors.get(name));
        list[name] = json!({ "crate": chapter.name, "files": files(chapter)?, "error": error });
    }
    Ok(list)
}

/// The rows of the smuggling table with their rules, the bytes to send, and the statuses of the responses.
fn attacks() -> Value {
    let rows = smuggling::rows().into_iter().filter_map(|row| {
        let Test::Exchange { bytes, statuses, .. } = row.test else { return None };
        // A character for each byte: JSON has no bytes.
        let bytes: String = bytes.iter().copied().map(char::from).collect();
        Some(json!({ "rule": row.rule, "rfc": row.rfc, "name": row.name, "bytes": bytes, "statuses": statuses }))
    });
    rows.collect()
}

/// The files in `public/` of a chapter, in the form in which the page passes them to the program.
fn files(chapter: &Chapter) -> Result<BTreeMap<String, Value>> {
    let mut files = BTreeMap::new();
    for path in chapter.files()?.into_iter().filter(|path| path.starts_with("public/")) {
        let file = chapter.folder().join(&path);
        let modified = fs::metadata(&file)?.modified()?.duration_since(UNIX_EPOCH)?;
        let milliseconds = u64::try_from(modified.as_millis())?;
        let bytes = STANDARD.encode(fs::read(file)?);
        files.insert(path, json!({ "base64": bytes, "modified": milliseconds }));
    }
    Ok(files)
}

/// Writes a file only if its content changes, so that a program that watches the directory sees only real changes.
fn replace(file: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(file, bytes).with_context(|| file.display().to_string())
}
