//! The results that a claim expects of the checks of an exercise or a stage.

use anyhow::bail;

use crate::check::{Ended, Results};

/// The expected results.
pub(crate) enum Expected {
    SomeFail,
    AllPass,
    /// The check with this sentence is the first that fails.
    CaughtBy(String),
}

impl Expected {
    /// Describes results that are as expected. The error is the reason why they are not.
    pub(crate) fn judge(&self, results: &Results) -> anyhow::Result<String> {
        match &results.ended {
            Ended::NotBuilt(said) => bail!("it does not compile\n{said}"),
            // Both outcomes count: a run gives up only after two checks have timed out.
            Ended::Done | Ended::GaveUp { .. } => {}
            Ended::TimedOut { seconds, during } => {
                let during = during.as_deref().unwrap_or("no check");
                bail!("not done after {seconds} s, during: {during}")
            }
            Ended::NoServer(failure) => bail!("the server did not start: {}", failure.got),
            Ended::Early { status, said, .. } => bail!("the checks ended early ({status})\n{said}"),
        }
        let total = results.checks.len();
        let failed: Vec<&str> =
            results.failures().map(|(checked, _)| checked.sentence.as_str()).collect();
        match (self, results.failures().next()) {
            (_, None) if total == 0 => bail!("there are no checks"),
            (Expected::SomeFail, None) => {
                bail!("all {total} checks pass, so nothing is asked for")
            }
            (Expected::SomeFail, Some(_)) => {
                Ok(format!("fails {} of {total} checks", failed.len()))
            }
            (Expected::AllPass, None) => Ok(format!("passes {total} checks")),
            (Expected::AllPass, Some((checked, failure))) => {
                bail!("{}: expected {}, got {}", checked.sentence, failure.expected, failure.got)
            }
            (Expected::CaughtBy(sentence), _) => {
                if failed.first() == Some(&sentence.as_str()) {
                    return Ok(format!("caught by: {sentence}"));
                }
                let is_there = results.checks.iter().any(|checked| checked.sentence == *sentence);
                let problem = if is_there {
                    format!("not caught by: {sentence}")
                } else {
                    format!("there is no check `{sentence}`")
                };
                bail!("{problem}; it fails: {}", failed.join("; "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Checked;
    use wire::exercise::Failure;

    #[test]
    fn results_are_judged_by_what_is_expected() {
        let caught_by = |sentence: &str| Expected::CaughtBy(sentence.to_string());
        let passing = &[("one", true)][..];
        let mixed = &[("one", true), ("two", false), ("three", false)][..];
        for (expected, results, verdict) in [
            (Expected::SomeFail, mixed, Ok("fails 2 of 3 checks")),
            (Expected::SomeFail, passing, Err("all 1 checks pass, so nothing is asked for")),
            (Expected::AllPass, passing, Ok("passes 1 checks")),
            (Expected::AllPass, mixed, Err("two: expected a, got b")),
            (Expected::AllPass, &[], Err("there are no checks")),
            (caught_by("two"), mixed, Ok("caught by: two")),
            (caught_by("one"), mixed, Err("not caught by: one; it fails: two; three")),
            (caught_by("three"), mixed, Err("not caught by: three; it fails: two; three")),
            (caught_by("four"), mixed, Err("there is no check `four`; it fails: two; three")),
        ] {
            let failure = |passes: bool| (!passes).then(|| Failure::new("a", "b"));
            let checks = results.iter().map(|&(name, passes)| Checked::of(name, failure(passes)));
            let results = Results { checks: checks.collect(), ended: Ended::Done };
            let judged = expected.judge(&results).map_err(|error| error.to_string());
            assert_eq!(judged.as_deref().map_err(String::as_str), verdict);
        }
    }

    #[test]
    fn checks_that_do_not_end_prove_nothing() {
        let checks = vec![Checked::of("one", Some(Failure::new("a", "b")))];
        let ended = Ended::TimedOut { seconds: 120, during: None };
        assert!(Expected::SomeFail.judge(&Results { checks, ended }).is_err());
    }
}
