//! Values of any type that are attached to a request and found by their type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;

/// A collection with at most one value of each type.
///
/// A middleware stores a result, such as the user, as a value of its own type, and a handler
/// looks it up by that type. So two middlewares cannot overwrite each other's values.
#[derive(Default)]
pub struct Extensions {
    values: HashMap<TypeId, Box<dyn Any + Send>>,
}

impl Extensions {
    /// Stores a value, and returns the previous value of this type.
    pub fn insert<T: Send + 'static>(&mut self, value: T) -> Option<T> {
        let old = self.values.insert(TypeId::of::<T>(), Box::new(value))?;
        old.downcast().ok().map(|old| *old)
    }

    /// Returns the value of this type, if there is one.
    pub fn get<T: Send + 'static>(&self) -> Option<&T> {
        self.values.get(&TypeId::of::<T>())?.downcast_ref()
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Extensions({})", self.values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct User(&'static str);

    #[test]
    fn a_value_is_found_by_its_type_and_replaced_by_the_next_one() {
        let mut extensions = Extensions::default();
        assert_eq!(extensions.get::<User>(), None);
        assert_eq!(extensions.insert(User("ada")), None);
        assert_eq!(extensions.insert(7_u32), None);
        assert_eq!(extensions.insert(User("grace")), Some(User("ada")));
        assert_eq!(extensions.get(), Some(&User("grace")));
        assert_eq!(extensions.get(), Some(&7_u32));
    }
}
