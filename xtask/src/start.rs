//! `cargo xtask start [PART]`: creates the reader's own crate, `my_server/`, with a starter for that part.
//!
//! The crate is a separate workspace and ignored by git, so it survives every `git pull` and `cargo xtask reset`.
//! Existing files are never overwritten.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use wire::climb::stages;

use crate::patch;
use crate::progress::Progress;
use crate::ui;
use crate::workspace::Workspace;

/// The reader's crate, from the root.
pub(crate) const FOLDER: &str = "my_server";

/// The crate's name, and the name of its first program.
pub(crate) const PACKAGE: &str = "my_server";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The part of the book to start with
    #[arg(default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=6))]
    part: u8,
}

/// A starter for one part.
struct Starter {
    code: &'static str,
    /// The library of the previous chapter, and other dependencies of the starter.
    dependencies: &'static str,
    /// The first stage of this part.
    stage: u8,
}

const STARTERS: [Starter; 6] = [
    Starter { code: include_str!("../starters/part1.rs"), dependencies: "", stage: 1 },
    Starter { code: include_str!("../starters/part2.rs"), dependencies: "", stage: 5 },
    Starter {
        code: include_str!("../starters/part3.rs"),
        dependencies: "ch02_thread_pool = { path = \"../chapters/02_thread_pool\" }\n",
        stage: 9,
    },
    Starter {
        code: include_str!("../starters/part4.rs"),
        dependencies: "anyhow = \"1\"\nch04_router = { path = \"../chapters/04_router\" }\n",
        stage: 19,
    },
    Starter {
        code: include_str!("../starters/part5.rs"),
        dependencies: "anyhow = \"1\"\nch05_middleware = { path = \"../chapters/05_middleware\" }\n",
        stage: 24,
    },
    Starter {
        code: include_str!("../starters/part6.rs"),
        dependencies: "anyhow = \"1\"\nch06_handlers = { path = \"../chapters/06_handlers\" }\n\
             final = { path = \"../final\" }\nmio = { version = \"1\", features = [\"net\", \"os-poll\"] }\n",
        stage: 27,
    },
];

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let folder = workspace.path(FOLDER);
    let made = make(workspace, &folder, args.part)?;
    let mut progress = Progress::load(workspace)?;
    progress.climb_from(STARTERS[usize::from(args.part) - 1].stage);
    progress.save(workspace)?;
    ui::print(&next(args.part, &made));
    Ok(ExitCode::SUCCESS)
}

/// Writes the files that do not exist yet. Returns their names.
pub(crate) fn make(workspace: &Workspace, folder: &Path, part: u8) -> anyhow::Result<Vec<String>> {
    let starter = &STARTERS[usize::from(part) - 1];
    let (manifest, own) = (manifest(starter), format!("src/bin/part{part}.rs"));
    // Uses the versions with which the chapters are built, so that nothing has to be downloaded.
    let lock = fs::read_to_string(workspace.path("Cargo.lock")).unwrap_or_default();
    let files = if !folder.join("Cargo.toml").exists() {
        vec![
            ("Cargo.toml", &*manifest),
            ("Cargo.lock", &lock),
            ("src/main.rs", starter.code),
            // The same starter in other languages.
            ("echo.py", include_str!("../starters/echo.py")),
            ("echo.go", include_str!("../starters/echo.go")),
            ("echo.js", include_str!("../starters/echo.js")),
        ]
    } else if part > 1 {
        depend(&folder.join("Cargo.toml"), starter.dependencies)?;
        vec![(&*own, starter.code)]
    } else {
        vec![("src/main.rs", starter.code)]
    };
    let mut made = Vec::new();
    for (name, text) in files {
        if !folder.join(name).exists() {
            patch::write(folder, name, text.as_bytes())?;
            made.push(name.to_string());
        }
    }
    Ok(made)
}

fn manifest(starter: &Starter) -> String {
    format!(
        "[package]\nname = \"{PACKAGE}\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\ndefault-run = \"{PACKAGE}\"\n\n\
         [dependencies]\n{}\n\
         # A workspace of its own: what you do here cannot break the chapters.\n[workspace]\n",
        starter.dependencies
    )
}

/// Adds the missing lines to the dependencies of a manifest.
fn depend(manifest: &Path, lines: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(manifest).with_context(|| manifest.display().to_string())?;
    let name = |line: &str| line.split([' ', '=']).next().unwrap_or_default().to_string();
    let is_missing = |line: &&str| text.lines().all(|known| name(known) != name(line));
    let missing: String = lines.split_inclusive('\n').filter(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let Some((before, after)) = text.split_once("[dependencies]\n") else {
        bail!(
            "{} has no line `[dependencies]`; add these below one:\n{missing}",
            manifest.display()
        );
    };
    fs::write(manifest, format!("{before}[dependencies]\n{missing}{after}"))
        .with_context(|| manifest.display().to_string())
}

/// Lists the new files and the next command.
fn next(part: u8, made: &[String]) -> String {
    let stage = STARTERS[usize::from(part) - 1].stage;
    let title = stages().iter().find(|other| other.number == stage).map_or("", |stage| stage.title);
    let bin = if made.iter().any(|name| name == "src/main.rs") || part == 1 {
        "src/main.rs".to_string()
    } else {
        format!("src/bin/part{part}.rs")
    };
    let mut text = String::new();
    if made.is_empty() {
        let _ = writeln!(text, "{FOLDER}/ exists already; nothing was written.");
    } else {
        let _ = writeln!(text, "Made: {FOLDER}/{}", made.join(&format!(", {FOLDER}/")));
    }
    let _ = writeln!(
        text,
        "\n1. Open {FOLDER}/{bin} in your editor.\n2. Type `cargo xtask climb`: it fails at stage {stage}, {title}, and shows the failed checks.\n3. Fix your server, and run it again. `cargo xtask climb --watch` checks \
         whenever you save."
    );
    if made.iter().any(|name| name == "echo.py") {
        let _ = writeln!(
            text,
            "\nIn another language: {FOLDER}/echo.py, echo.go and echo.js begin the same way. Each begins with its `climb` \
             command."
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::folder_with;

    #[test]
    fn what_is_there_is_never_written_again() {
        let root = folder_with(&[("Cargo.lock", "# versions\n"), ("chapters/01_a/Cargo.toml", "")]);
        let workspace = Workspace::at(root.path()).unwrap();
        let folder = root.path().join(FOLDER);
        let made = make(&workspace, &folder, 1).unwrap();
        assert!(made.contains(&"src/main.rs".to_string()) && made.contains(&"echo.py".to_string()));
        fs::write(folder.join("src/main.rs"), "mine").unwrap();
        assert_eq!(make(&workspace, &folder, 1).unwrap(), [""; 0]);
        assert_eq!(fs::read_to_string(folder.join("src/main.rs")).unwrap(), "mine");
        // A later part adds a program to the crate, and its dependencies only once.
        for _ in 0..2 {
            make(&workspace, &folder, 3).unwrap();
        }
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        assert_eq!(manifest.matches("ch02_thread_pool").count(), 1, "{manifest}");
        assert!(folder.join("src/bin/part3.rs").is_file());
        assert_eq!(fs::read_to_string(folder.join("src/main.rs")).unwrap(), "mine");
    }

    #[test]
    fn it_says_what_to_type_next() {
        let said = next(3, &["Cargo.toml".into(), "src/main.rs".into()]);
        assert!(said.contains("it fails at stage 9,"), "{said}");
        let said = next(1, &[]);
        assert!(said.starts_with("my_server/ exists already; nothing was written."), "{said}");
    }
}
