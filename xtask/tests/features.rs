//! Each dependency has the same features, whichever packages are built together: otherwise cargo compiles it, and all that
//! uses it, once more for `cargo xtask`, for the copies of the exercises, and for `cargo test -p`.

use std::collections::BTreeSet;
use std::process::Command;

/// The dependencies of these packages, each with its version and features.
fn dependencies(arguments: &[&str]) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p} {f}"])
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    wire::environment::clean(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    // Our own packages have their path in parentheses, and a repeated one an asterisk.
    let line = |line: &str| line.trim_end_matches(" (*)").replace(" (proc-macro)", "");
    lines.lines().map(line).filter(|line| !line.contains('(')).collect()
}

#[test]
fn a_dependency_has_the_same_features_in_every_build() {
    let all = dependencies(&["--workspace", "--edges", "normal,build,dev"]);
    assert!(all.len() > 50, "{all:#?}");
    let tests = ["--edges", "normal,build,dev", "--package"];
    let mut builds = vec![vec!["--workspace", "--edges", "normal,build"]];
    for package in ["ch01_echo_socket", "ch04_router", "ch06_handlers", "final", "xtask"] {
        builds.push([&tests[..], &[package]].concat());
    }
    for build in builds {
        let own = dependencies(&build);
        let different: Vec<&String> = own.difference(&all).collect();
        assert!(
            different.is_empty(),
            "with {build:?}, these have other features than in the whole workspace: {different:#?}; let `wire` ask for \
             the features in the root Cargo.toml, as it does for serde_core"
        );
    }
}
