//! Bytes as a JSON string: each byte becomes the character with that number, so none is lost.

use serde::{Deserialize, Deserializer, Serializer};

pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&bytes.iter().map(|&byte| char::from(byte)).collect::<String>())
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Box<[u8]>, D::Error> {
    let byte = |character: char| u8::try_from(character).unwrap_or(b'?');
    Ok(String::deserialize(from)?.chars().map(byte).collect())
}
