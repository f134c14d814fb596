//! The output of test programs, as cargo and nextest print it.

/// The arguments with which cargo runs each test that nextest reports as failed: `FAIL [   0.012s] (1/2)
/// ch03_parser::framing two_lengths` becomes `-p ch03_parser --test framing two_lengths`.
pub(super) fn failed_tests(output: &str) -> Vec<String> {
    let mut tests: Vec<String> = output.lines().filter_map(failed_test).collect();
    tests.sort();
    tests.dedup();
    tests
}

pub(crate) fn failed_test(line: &str) -> Option<String> {
    let line = line.trim_start();
    let rest = ["FAIL [", "TIMEOUT [", "SIGABRT [", "SIGSEGV ["]
        .iter()
        .find_map(|start| line.strip_prefix(start))?;
    let mut words = rest.split_once(']')?.1.split_whitespace();
    let mut program = words.next()?;
    if program.starts_with('(') {
        // `(1/2)`, perhaps with spaces in it.
        while !program.ends_with(')') {
            program = words.next()?;
        }
        program = words.next()?;
    }
    let name = words.next()?;
    let (package, target) = match program.split_once("::") {
        None => (program, "--lib".to_string()),
        Some((package, target)) => match target.split_once('/') {
            Some((kind, target)) => (package, format!("--{kind} {target}")),
            None => (package, format!("--test {target}")),
        },
    };
    Some(format!("-p {package} {target} {name}"))
}

/// Reads nextest's last line: `Summary [ 9.4s] 34 tests run: 33 passed (1 slow), 1 failed, 2 skipped`.
pub(super) fn count_nextest(output: &str) -> [usize; 3] {
    let summary = output.lines().rev().find(|line| line.trim_start().starts_with("Summary ["));
    let words: Vec<&str> = summary.unwrap_or_default().split_whitespace().collect();
    ["passed", "failed", "skipped"].map(|what| {
        let place = words.iter().position(|word| word.trim_end_matches(',') == what);
        let number = place
            .and_then(|place| place.checked_sub(1))
            .and_then(|place| words[place].parse().ok());
        number.unwrap_or_default()
    })
}

/// Adds up cargo's lines `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
pub(super) fn count(output: &str) -> [usize; 3] {
    let mut sums = [0; 3];
    for line in output.lines().filter(|line| line.starts_with("test result: ")) {
        for (sum, word) in sums.iter_mut().zip([" passed", " failed", " ignored"]) {
            let before = line.split(word).next().filter(|before| before.len() < line.len());
            let number = before.and_then(|before| before.rsplit(' ').next());
            *sum += number.and_then(|number| number.parse::<usize>().ok()).unwrap_or_default();
        }
    }
    sums
}

/// The output of `cargo test` without the lines about passed tests.
pub(super) fn failures(output: &str) -> String {
    let boring = |line: &&str| {
        let line = line.trim_start();
        let went_well = line.starts_with("test ")
            && (line.ends_with("... ok") || line.starts_with("test result: ok"));
        let steps =
            ["Compiling ", "Finished ", "Running ", "Doc-tests ", "Downloaded ", "Downloading "];
        went_well || steps.iter().any(|step| line.starts_with(step)) || line.starts_with("running ")
    };
    let mut text = String::new();
    for line in output.lines().filter(|line| !boring(line)) {
        // Collapse several empty lines into one.
        if !line.is_empty() || !text.ends_with("\n\n") {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARGO: &str = "\
   Compiling ch01 v0.1.0
     Running unittests src/lib.rs

running 2 tests
test a ... ok
test b ... FAILED

failures:

---- b stdout ----
left: 1

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

test result: ok. 12 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out
error: 1 target failed
";

    const NEXTEST: &str = "\
────────────
     Summary [   9.412s] 37 tests run: 33 passed (1 slow), 4 failed, 2 skipped
        FAIL [   0.012s] (12/37) ch03_parser::framing two_lengths_are_rejected
        FAIL [   0.004s] (13/37) ch03_parser http::parser::tests::a_line
        FAIL [   0.004s] ( 3/37) xtask::bin/xtask test::tests::parts
     TIMEOUT [  60.004s] wire::example/demo main
error: test run failed
";

    #[test]
    fn tests_are_counted_over_all_programs() {
        assert_eq!(count(CARGO), [13, 1, 2]);
        assert_eq!(count_nextest(NEXTEST), [33, 4, 2]);
        assert_eq!(count_nextest(""), [0, 0, 0]);
    }

    #[test]
    fn each_test_that_failed_can_be_repeated_alone() {
        let expected = [
            "-p ch03_parser --lib http::parser::tests::a_line",
            "-p ch03_parser --test framing two_lengths_are_rejected",
            "-p wire --example demo main",
            "-p xtask --bin xtask test::tests::parts",
        ];
        assert_eq!(failed_tests(NEXTEST), expected);
    }

    #[test]
    fn of_a_failed_run_only_the_failures_are_shown() {
        let text = failures(CARGO);
        assert!(text.contains("---- b stdout ----\nleft: 1\n"));
        assert!(text.contains("error: 1 target failed"));
        assert!(
            !text.contains("Compiling") && !text.contains("test a") && !text.contains("running 2")
        );
    }
}
