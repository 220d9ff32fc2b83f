//! Saved states in pieces, for an item ends at 400 KB; knows no stack and no function.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;

use super::attr::{Item, malformed, must, must_natural, n, s, whole};
use super::call::Caller;
use super::{key, list, single};
use crate::adapters::stored;
use crate::core::state::SavedState;
use crate::core::time::Timestamp;
use crate::ports::StoreError;

/// Bytes of one piece.
pub(super) const PIECE: usize = 350 * 1024;

/// Writes all pieces at once; each says how many there are and what the whole must hash to.
pub(super) async fn put(
    caller: &Caller,
    id: &str,
    state: &SavedState,
    expires_s: i64,
) -> Result<(), StoreError> {
    let packed = stored::pack(&stored::write_state(state)?)?;
    let hash = stored::sha256(&packed);
    let pieces: Vec<&[u8]> = packed.chunks(PIECE).collect();
    let count = pieces.len();
    let puts = pieces.into_iter().zip(1..).map(|(piece, number)| {
        let mut item = key::of(key::state(id), key::piece(number));
        for (name, value) in [
            ("v", n(stored::STATE_VERSION)),
            ("pieces", n(count)),
            ("sha256", s(&hash)),
            ("body", AttributeValue::B(Blob::new(piece))),
            ("ttl", n(expires_s)),
        ] {
            item.insert(name.to_owned(), value);
        }
        single::put(caller, item)
    });
    join_all(puts).await.into_iter().collect()
}

/// Reads it back; `None` where it is not there, or no more.
pub(super) async fn get(
    caller: &Caller,
    id: &str,
    now: Timestamp,
) -> Result<Option<SavedState>, StoreError> {
    let items = list::partition(caller, &key::state(id), None).await?;
    let alive = |item: &&Item| whole(item, "ttl").is_none_or(|s| s > now.seconds());
    let items: Vec<&Item> = items.iter().filter(alive).collect();
    let Some(first) = items.first() else {
        return Ok(None);
    };
    let what = format!("the saved state `{id}`");
    let (count, hash) = (
        must_natural(first, "pieces", &what)?,
        must(first, "sha256", &what)?,
    );
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    // A shorter state may have been written over a longer one, whose last pieces are still there.
    let items: Vec<_> = items.iter().take(count).collect();
    let mut packed = Vec::new();
    for item in &items {
        match item.get("body") {
            Some(AttributeValue::B(piece)) => packed.extend_from_slice(piece.as_ref()),
            Some(_) | None => return Err(malformed(format!("a piece of {what} is no bytes"))),
        }
    }
    if items.len() != count || stored::sha256(&packed) != hash {
        return Err(malformed(format!("{what} is not whole")));
    }
    let version = must_natural(first, "v", &what)?;
    stored::read_state(version, &stored::unpack(&packed)?).map(Some)
}
