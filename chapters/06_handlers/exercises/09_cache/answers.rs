//! Requirements for a response: from the cache, or from the handler.

use wire::exercise::{Answer, Failure};

/// The fields that differ on every connection, or in every response.
const NOT_COMPARED: [&str; 6] =
    ["age", "x-cache", "x-request-id", "connection", "content-length", "transfer-encoding"];

/// The response must come from the cache.
pub(super) fn hit(answer: &Answer) -> Result<&Answer, Failure> {
    answer.status(200)?.field("X-Cache", "HIT")?;
    let age = answer.has("Age")?;
    let is_number = age.bytes().all(|byte| byte.is_ascii_digit());
    answer.require(is_number, "an Age in whole seconds", format!("Age: {age}"))?;
    Ok(answer)
}

/// The response must come from the cache, and have this count.
pub(super) fn same(answer: &Answer, kept: u64) -> Result<(), Failure> {
    hit(answer)?;
    let count = count(answer)?;
    let expected = format!("what is kept for this request, with a count of {kept}");
    answer.require(count == kept, expected, format!("a count of {count}"))
}

/// The response must come from the handler, and so have a higher count than another response.
pub(super) fn another(answer: &Answer, than: u64) -> Result<&Answer, Failure> {
    answer.status(200)?;
    never(answer, than)?;
    Ok(answer)
}

/// Like [`another`], but MISS and BYPASS are both right.
pub(super) fn never(answer: &Answer, than: u64) -> Result<(), Failure> {
    let words = ["MISS", "BYPASS"];
    let word = answer.has("X-Cache")?;
    answer.require(
        words.contains(&word),
        "X-Cache: MISS, or BYPASS",
        format!("X-Cache: {word}"),
    )?;
    let count = count(answer)?;
    let expected = format!("a response that the handler has made now, with a count above {than}");
    answer.require(count > than, expected, format!("a count of {count}"))
}

/// The number in the body of `/counter`.
pub(super) fn count(answer: &Answer) -> Result<u64, Failure> {
    let value = answer.json()?;
    let count = value["count"].as_u64();
    count.ok_or_else(|| answer.failure("a `count` in the body of /counter", &value))
}

/// All fields that must be equal, as lines.
pub(super) fn compared(answer: &Answer) -> Vec<String> {
    let fields = answer.reply.fields.iter().map(|(name, value)| (name.to_lowercase(), value));
    fields
        .filter(|(name, _)| !NOT_COMPARED.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {value}"))
        .collect()
}
