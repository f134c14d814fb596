//! The rows of the wire tables, in a lab and over a socket.

use serde_json::Value;
use wire::Client;
use wire::tables::{self, Row, Test};

use super::{output, run, start};

/// The output without the dates and ids, which differ between any two responses.
fn without_dates_and_ids(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let differs = |line: &str| {
        ["Date:", "X-Request-ID:", "X-Run-Token:"].iter().any(|name| {
            line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
        })
    };
    let lines: Vec<_> = text.split("\r\n").filter(|line| !differs(line)).collect();
    let mut text = lines.join("\r\n");
    while let Some(from) = text.find(r#""id":""#) {
        let length = text[from + 6..].find('"').unwrap();
        text.replace_range(from..from + 6 + length, "an id");
    }
    text
}

/// The same bytes go to a lab and to the server itself, and the same bytes come back.
#[test]
fn a_lab_agrees_with_the_server_on_every_row_of_the_tables() {
    let program = start(&[]);
    let mut count = 0;
    for row in tables::all() {
        let Test::Exchange { bytes, closes, .. } = &row.test else { continue };
        if bytes.len() > 65_536 {
            continue; // those are about limits
        }
        let report = run(&program, bytes);
        assert_eq!(report["next"]["state"] == "close", *closes, "{row}\n{report}");
        covers_what_is_read(&report, &row);

        let mut client = Client::connect(program.addr()).unwrap();
        client.send(bytes).unwrap();
        client.half_close().unwrap();
        let real = client.read_to_end().unwrap();
        assert_eq!(without_dates_and_ids(&output(&report)), without_dates_and_ids(&real), "{row}");
        count += 1;
    }
    assert!(count > 300, "only {count} rows");
}

/// Parts cover the input without a gap as far as it is read, and each rejection marks a part.
fn covers_what_is_read(report: &Value, row: &Row) {
    let mut at = 0;
    for message in report["messages"].as_array().unwrap() {
        let spans = message["spans"].as_array().unwrap();
        for span in spans {
            assert_eq!(span["from"], at, "{row}");
            at = span["to"].as_u64().unwrap();
        }
        assert_eq!(message["to"], at, "{row}");
        let rejection = &message["rejection"];
        if rejection.is_object() {
            assert!(spans.iter().any(|span| span["blame"] == true), "{row}");
            let is_explained =
                ["code", "text", "rule"].iter().all(|key| rejection[*key].is_string());
            assert!(is_explained, "{row}\n{rejection}");
        }
    }
    assert_eq!(report["read"], at, "{row}");
}
