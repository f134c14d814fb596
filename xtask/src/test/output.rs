//! The output of test programs, as cargo and nextest print it.

/// The arguments with which cargo runs a test that nextest reports as failed: `FAIL [   0.012s] (1/2)
/// ch03_parser::framing two_lengths` becomes `-p ch03_parser two_lengths`.
pub(crate) fn failed_test(line: &str) -> Option<String> {
    let (fate, rest) = line.trim_start().split_once(" [")?;
    let is_failed = ["FAIL", "TIMEOUT", "SIGABRT", "SIGSEGV"].contains(&fate);
    let mut words = rest.split_whitespace().rev();
    let (name, program) = (words.next()?, words.next()?);
    let package = program.split("::").next()?;
    is_failed.then(|| format!("-p {package} {name}"))
}

/// How many tests have passed, by cargo's lines `test result: ok. 3 passed; 0 failed; …` and by nextest's `Summary
/// [   9.4s] 34 tests run: 33 passed (1 slow), 1 failed, 2 skipped`.
pub(super) fn passed(output: &str) -> usize {
    let lines = output.lines().map(str::trim_start);
    let summaries =
        lines.filter(|line| line.starts_with("test result: ") || line.starts_with("Summary ["));
    let number =
        |line: &str| line.split_once(" passed")?.0.rsplit(' ').next()?.parse::<usize>().ok();
    summaries.filter_map(number).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARGO: &str = "\
test a ... ok
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
        assert_eq!([CARGO, NEXTEST, ""].map(passed), [13, 33, 0]);
    }

    #[test]
    fn each_test_that_failed_can_be_repeated_alone() {
        let expected = [
            "-p ch03_parser two_lengths_are_rejected",
            "-p ch03_parser http::parser::tests::a_line",
            "-p xtask test::tests::parts",
            "-p wire main",
        ];
        assert_eq!(NEXTEST.lines().filter_map(failed_test).collect::<Vec<_>>(), expected);
    }
}
