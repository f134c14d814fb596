//! The options of the command.

#[derive(Default, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    /// Run only this stage, by its number or name. Without it, your own server continues at your next stage,
    /// and another server at its first
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<String>,
    /// Run all stages for this server, even after a failure
    #[arg(long, conflicts_with = "stage")]
    pub all: bool,
    /// List the stages with their contracts
    #[arg(long)]
    pub list: bool,
    /// Show the hint of the stage
    #[arg(long, conflicts_with_all = ["all", "json", "watch"])]
    pub hint: bool,
    /// Check another server, in any language: started with 127.0.0.1:0 as its last argument, it prints
    /// `listening on http://ADDRESS` (or `tcp://` for an echo) as its first line. For files, from stage 25 on,
    /// a directory follows the address
    #[arg(long, value_name = "CMD")]
    pub server: Option<String>,
    /// The program of `my_server` to check: `part3` for `my_server/src/bin/part3.rs`
    #[arg(long, value_name = "NAME", conflicts_with = "server")]
    pub bin: Option<String>,
    /// A step of the book in place of your server: `02_echo_once`, or `2`. Without --stage: the stages that it passes,
    /// and the one that it fails. Your progress stays as it is
    #[arg(long, value_name = "STEP", conflicts_with_all = ["server", "bin", "watch"])]
    pub step: Option<String>,
    /// How many seconds a check waits until the server gives up on a slow or idle client
    #[arg(long, value_name = "SECONDS", default_value_t = 12)]
    pub deadline: u64,
    /// Check again whenever you save a file; type n for the next stage, h for a hint, c to check all, q to quit
    #[arg(long, conflicts_with_all = ["all", "json"])]
    pub watch: bool,
    /// Report in JSON, one line per stage, for other programs
    #[arg(long)]
    pub json: bool,
}
