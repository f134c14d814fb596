//! The book's preprocessor, and the checks that keep the book in step with the code.

mod check;
mod coverage;
mod diff;
mod directive;
mod exercise;
mod figure;
mod items;
mod links;
mod listing;
mod page;
mod preprocess;
mod source;
mod transcript;
mod tree;

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
        #[command(subcommand)]
        question: Option<Question>,
    },
    /// How much of each chapter's new and changed lines its part of the book shows.
    Coverage {
        /// Also lists the lines that are not shown.
        #[arg(long)]
        missing: bool,
    },
    /// Replays the terminal transcripts of the book, or of these pages, against the real programs.
    Transcripts {
        /// Pages, such as `book/src/part1/run-it.md`; without any, all of them.
        pages: Vec<PathBuf>,
        /// Rewrites the outputs in the pages with what the programs really print.
        #[arg(long)]
        bless: bool,
    },
    /// Builds the book and checks listings, figures and links.
    Check,
}

#[derive(Subcommand)]
enum Question {
    /// Whether a renderer is supported: exit code 0 for yes.
    Supports {
        /// The renderer's name.
        renderer: String,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Preprocess { question: None } => preprocess::run(),
        Command::Preprocess { question: Some(Question::Supports { renderer }) } => {
            return if renderer == "html" { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        Command::Coverage { missing } => coverage::run(missing),
        Command::Transcripts { pages, bless } => transcript::run(&pages, bless),
        Command::Check => check::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
