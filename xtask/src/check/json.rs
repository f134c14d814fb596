//! The report for programs: one JSON object for each exercise or stage, on one line.

use serde_json::{Value, json};
use wire::exercise::{Conversation, Event, Failure};

use super::result::{Checked, Ended, Results};

/// The facts that are known before the checks, as an object, with the results.
pub(crate) fn report(mut about: Value, results: &Results) -> String {
    let (ended, detail) = match &results.ended {
        Ended::NotBuilt(said) => ("not built", json!({"compiler": said})),
        Ended::Done => ("done", Value::Null),
        Ended::GaveUp { seconds } => ("gave up", json!({"seconds": seconds})),
        Ended::TimedOut { seconds, during } => {
            ("timed out", json!({"seconds": seconds, "during": during}))
        }
        Ended::NoServer(failure) => ("no server", of_failure(failure, &[])),
        Ended::Early { status, during, said } => {
            ("broke off", json!({"status": status, "during": during, "said": said}))
        }
    };
    about["ended"] = ended.into();
    about["detail"] = detail;
    about["passed"] = results.passed().into();
    about["checks"] = results.checks.iter().map(of_check).collect();
    format!("{about}\n")
}

fn of_check(checked: &Checked) -> Value {
    let failure = checked.failure.as_ref();
    json!({
        "check": checked.sentence,
        "rule": checked.rule,
        "passed": failure.is_none(),
        "failure": failure.map(|failure| of_failure(failure, &checked.conversations)),
    })
}

/// Bytes are written as text: each character is the byte of that number.
fn of_failure(failure: &Failure, conversations: &[Conversation]) -> Value {
    let line = Event::Fail(failure.clone(), conversations.to_vec()).to_line();
    let mut value: Value = serde_json::from_str(&line).unwrap_or_default();
    if let Some(members) = value.as_object_mut() {
        members.remove("event");
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(results: &Results) -> Value {
        serde_json::from_str(&report(json!({"exercise": 2}), results)).unwrap()
    }

    #[test]
    fn a_program_finds_what_a_person_sees() {
        let failure = Failure::new("status 200", "status 404").with_bytes(b"GET /\xff", b"HTTP");
        let checks = vec![Checked::of("it is", None), Checked::of("it is", Some(failure))];
        let value = reported(&Results { checks, ended: Ended::Done });
        assert_eq!((&value["exercise"], &value["passed"]), (&json!(2), &json!(1)));
        assert_eq!(value["checks"][0]["failure"], Value::Null);
        assert_eq!(value["checks"][1]["failure"]["sent"], "GET /\u{ff}");
        assert_eq!(value["checks"][1]["failure"]["got"], "status 404");
    }

    #[test]
    fn the_end_is_a_word_with_details() {
        for (ended, word, detail) in [
            (Ended::NotBuilt("error[E1]".into()), "not built", json!({"compiler": "error[E1]"})),
            (Ended::Done, "done", Value::Null),
            (Ended::GaveUp { seconds: 10 }, "gave up", json!({"seconds": 10})),
            (
                Ended::TimedOut { seconds: 1, during: None },
                "timed out",
                json!({"seconds": 1, "during": null}),
            ),
            (
                Ended::Early { status: "1".into(), during: None, said: "why".into() },
                "broke off",
                json!({"status": "1", "during": null, "said": "why"}),
            ),
        ] {
            let value = reported(&Results::none(ended));
            assert_eq!((&value["ended"], &value["detail"]), (&json!(word), &detail));
        }
    }
}
