//! Compiles the chapters for the pages: `xtask/page` is compiled for wasm32-wasip1, and the modules are put beside the
//! labs.
//!
//! `book/src/labs` gets `ch03.wasm` and so on, and `chapters.json` with the files of each chapter and the compiler's
//! errors. A chapter that does not compile keeps its module from the last build. Git ignores these files, and so does
//! `mdbook serve` when it watches for changes.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cargo;
use crate::files::has_extension;
use crate::sources::{Chapter, Sources};

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
    /// The modules, by the name of the chapter.
    files: BTreeMap<String, PathBuf>,
    /// What the compiler says of each chapter that has no module.
    pub(crate) errors: BTreeMap<String, String>,
    /// Warnings about the chapters and the code that is compiled with them.
    pub(crate) warnings: Vec<String>,
}

/// Compiles the changed modules, and writes the files into `book/src/labs`.
///
/// # Errors
/// Returns an error when cargo cannot be started or a file cannot be written. A chapter that does not compile is not an
/// error.
pub(crate) fn refresh(sources: &Sources) -> Result<Modules> {
    let labs = sources.root().join("book/src/labs");
    let mut modules = Modules::default();
    if has_target() {
        modules = compile(sources)?;
    } else {
        eprintln!("the labs of the book need {TARGET}, which is not installed: {REMEDY}");
    }
    for (name, wasm) in &modules.files {
        replace(&labs.join(format!("{name}.wasm")), &fs::read(wasm)?)?;
    }
    for (name, said) in &modules.errors {
        eprintln!("{said}\n{name} does not compile for the pages; the labs keep its last module");
    }
    let list = serde_json::to_vec(&list(sources, &modules)?)?;
    replace(&labs.join("chapters.json"), &list)?;
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

fn compile(sources: &Sources) -> Result<Modules> {
    let root = sources.root();
    if !root.join("book/src/labs").join("ch06.wasm").is_file() {
        eprintln!("compiling chapters 3 to 6 for the labs; the first time this takes a minute");
    }
    let mut cargo = cargo::command(root);
    cargo
        .args(["build", "--quiet", "--keep-going", "--package", "page", "--examples"])
        .args(["--features", "wasm", "--target", TARGET, "--profile", "page"])
        .arg("--message-format=json")
        .env("CARGO_ENCODED_RUSTFLAGS", without_folders(root));
    let (output, messages) = cargo::build(&mut cargo)?;
    let mut modules = read(&messages);
    for name in CHAPTERS.iter().filter(|name| !modules.files.contains_key(**name)) {
        let said = || String::from_utf8_lossy(&output.stderr).trim().to_string();
        modules.errors.entry(name.to_string()).or_insert_with(said);
    }
    Ok(modules)
}

/// Compiler flags that remove this machine's directories from file names, because panic messages contain file names.
fn without_folders(root: &Path) -> String {
    let cargo = env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let folders = cargo.map(|cargo| cargo.join("registry/src")).into_iter().chain([root.into()]);
    let flags = folders.map(|folder| format!("--remap-path-prefix={}/=", folder.display()));
    flags.collect::<Vec<_>>().join("\u{1f}")
}

/// The modules, the errors and the warnings in cargo's messages.
fn read(messages: &[Value]) -> Modules {
    let mut modules = Modules { has_target: true, ..Modules::default() };
    for message in messages {
        let Some(name) = message["target"]["name"].as_str() else { continue };
        let text = || message["message"]["rendered"].as_str().unwrap_or_default().to_string();
        if name == "page_std" && message["message"]["level"] == "warning" {
            modules.warnings.push(text());
        }
        if !CHAPTERS.contains(&name) {
            continue;
        }
        match message["reason"].as_str() {
            Some("compiler-artifact") => {
                let files = message["filenames"].as_array().into_iter().flatten();
                let wasm = files.filter_map(Value::as_str).find(|file| has_extension(file, "wasm"));
                modules.files.extend(wasm.map(|file| (name.to_string(), PathBuf::from(file))));
            }
            Some("compiler-message") if message["message"]["level"] == "error" => {
                modules.errors.entry(name.to_string()).or_default().push_str(&text());
            }
            Some("compiler-message") => modules.warnings.push(format!("{name}: {}", text())),
            _ => {}
        }
    }
    modules
}

/// The contents of `chapters.json`.
fn list(sources: &Sources, modules: &Modules) -> Result<Value> {
    let mut list = json!({ "target": modules.has_target });
    for name in CHAPTERS {
        let chapter = sources.chapter(name)?;
        let files = files(chapter)?;
        list[name] = json!({
            "crate": chapter.name,
            "files": files,
            "error": modules.errors.get(name),
        });
    }
    Ok(list)
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
pub(crate) fn replace(file: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(file, bytes).with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_of_cargo_have_the_modules_and_the_errors_of_each_chapter() {
        let lines = [
            json!({ "reason": "compiler-artifact", "target": { "name": "ch03" }, "filenames": ["/t/ch03.d", "/t/ch03.wasm"] }),
            json!({ "reason": "compiler-artifact", "target": { "name": "regex" }, "filenames": ["/t/libregex.rlib"] }),
            json!({ "reason": "compiler-message", "target": { "name": "ch04" }, "message": { "level": "warning", "rendered": "w" } }),
            json!({ "reason": "compiler-message", "target": { "name": "ch04" }, "message": { "level": "error", "rendered": "one\n" } }),
            json!({ "reason": "compiler-message", "target": { "name": "ch04" }, "message": { "level": "error", "rendered": "two\n" } }),
            json!({ "reason": "build-finished", "success": false }),
        ];
        let modules = read(&lines);
        assert_eq!(modules.files, [("ch03".to_string(), PathBuf::from("/t/ch03.wasm"))].into());
        assert_eq!(modules.errors, [("ch04".to_string(), "one\ntwo\n".to_string())].into());
        assert_eq!(modules.warnings, ["ch04: w"]);
    }

    #[test]
    fn the_list_has_the_files_of_chapter_6_and_the_errors() {
        let errors = [("ch04".to_string(), "no".to_string())].into();
        let modules = Modules { has_target: true, errors, ..Modules::default() };
        let list = list(&Sources::find().unwrap(), &modules).unwrap();
        assert_eq!(list["ch04"], json!({ "crate": "04_router", "files": {}, "error": "no" }));
        let hello = list["ch06"]["files"]["public/hello.txt"]["base64"].as_str().unwrap();
        assert!(!STANDARD.decode(hello).unwrap().is_empty());
    }
}
