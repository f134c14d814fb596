//! The book's preprocessor, and the checks that keep the book in step with the code.

mod addresses;
mod arguments;
mod browser;
mod built;
mod cargo;
mod check;
mod config;
mod core;
mod counts;
mod coverage;
mod diff;
mod directive;
mod drawings;
mod exercise;
mod expand;
mod export;
mod fences;
mod files;
mod front;
mod glossary;
mod html;
mod items;
mod links;
mod listing;
mod measure;
mod minutes;
mod modules;
mod page;
mod pattern;
mod plot;
mod preprocess;
mod publish;
mod script;
mod source;
mod sources;
mod step;
#[cfg(unix)]
mod transcript;
mod tree;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What mdBook calls: a book on standard input, the book with its directives expanded on standard output.
    Preprocess {
        /// `supports RENDERER` asks whether a renderer is supported. All are: `book.toml` names the renderers.
        #[arg(hide = true)]
        question: Vec<String>,
    },
    /// How much of each chapter's new and changed lines its part of the book shows, and which lines it does not.
    Coverage,
    /// Replays the terminal transcripts of the book, or of these pages, against the real programs.
    Transcripts {
        /// Pages, such as `book/src/part1/run-it.md`; without any, all of them.
        pages: Vec<PathBuf>,
        /// Replaces the outputs in the pages with the real outputs of the programs.
        #[arg(long)]
        bless: bool,
    },
    /// Builds the book and checks it; without a part: build, listings, links, figures, epub, core, words, browser, labs and accessibility.
    Check {
        /// What to check.
        parts: Vec<check::Part>,
        /// Words: also prints each finding, or those in the files whose path contains TEXT.
        #[arg(long, value_name = "TEXT", num_args = 0..=1, default_missing_value = "")]
        show: Option<String>,
    },
    /// Draws the drawings that are new or have changed, into book/figures.
    Figures,
    /// Writes the built book as an EPUB or a PDF.
    Export {
        #[command(flatten)]
        wanted: export::Wanted,
    },
    /// Writes the built book into a directory for a static host, without inline scripts and styles.
    Publish {
        /// A new or empty directory, or a directory that this command has written.
        folder: PathBuf,
        /// Only checks that it is such a directory.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Preprocess { question } if question.is_empty() => preprocess::run(),
        Command::Preprocess { .. } => Ok(()),
        Command::Coverage => coverage::run(),
        #[cfg(unix)]
        Command::Transcripts { pages, bless } => transcript::run(&pages, bless),
        #[cfg(not(unix))]
        Command::Transcripts { .. } => {
            Err(anyhow::anyhow!("transcripts are replayed where there is a Unix shell only"))
        }
        Command::Check { parts, show } => check::run(&parts, show.as_deref()),
        Command::Figures => drawings::run(),
        Command::Export { wanted } => export::run(&wanted),
        Command::Publish { folder, check: true } => publish::check(&folder),
        Command::Publish { folder, check: false } => {
            sources::Sources::find().and_then(|sources| publish::run(&sources, &folder))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
