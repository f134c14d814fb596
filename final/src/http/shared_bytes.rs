//! Bytes in memory that many responses send at the same time.

use std::ops::Deref;
use std::sync::Arc;

/// The bytes of a body, which are in memory once however many clients they are sent to. A clone refers to the same
/// bytes, and the last one that is dropped frees them.
#[derive(Debug, Clone, Default)]
pub struct SharedBytes(Arc<Vec<u8>>);

impl Deref for SharedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for SharedBytes {
    fn eq(&self, other: &SharedBytes) -> bool {
        **self == **other
    }
}

impl Eq for SharedBytes {}

/// Takes the bytes over. They are not copied unless the vector has spare room, which is given back.
impl From<Vec<u8>> for SharedBytes {
    fn from(mut bytes: Vec<u8>) -> SharedBytes {
        bytes.shrink_to_fit();
        SharedBytes(Arc::new(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_has_the_same_bytes_and_not_a_copy_of_them() {
        let bytes = b"hello".to_vec();
        let before = bytes.as_ptr();
        let shared = SharedBytes::from(bytes);
        assert_eq!(&*shared, b"hello");
        assert_eq!((shared.as_ptr(), shared.clone().as_ptr()), (before, before));
    }
}
