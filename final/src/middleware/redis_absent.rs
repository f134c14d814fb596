//! Takes the place of `redis_limit` in a program that is built without the feature `redis`.

use super::limit_store::{InvalidStore, StoreConfig};
use super::local_buckets::LocalBuckets;
use super::token_bucket::Limit;

/// A shared store, of which this program has none.
#[derive(Clone)]
pub enum RedisStore {}

impl RedisStore {
    /// Opens no store.
    ///
    /// # Errors
    /// Returns the same error as [`RedisStore::check`].
    pub fn open(_: &StoreConfig) -> Result<RedisStore, InvalidStore> {
        Err(not_built())
    }

    /// Accepts no URL.
    ///
    /// # Errors
    /// Always returns an error that explains how to build the program with shared stores.
    pub fn check(_: &str) -> Result<(), InvalidStore> {
        Err(not_built())
    }

    /// Cannot be called, because there is no store.
    ///
    /// # Errors
    /// None.
    pub fn limit<K>(&self, _: &str, _: Limit) -> Result<LocalBuckets<K>, InvalidStore> {
        match *self {}
    }

    /// Cannot be called, because there is no store.
    pub fn metrics(&self) -> String {
        match *self {}
    }
}

fn not_built() -> InvalidStore {
    InvalidStore(
        "this program was built without shared rate limits; \
         `cargo build --release -p final --features redis` builds it with them"
            .to_string(),
    )
}
