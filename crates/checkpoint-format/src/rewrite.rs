//! Splicing: the input with other paths in some places and every other byte as it was. It refuses
//! to change what kind of handle names a path, for Flink compares handles of one file by kind.

use crate::FormatError;
use crate::model::{Metadata, Reference};
use crate::utf::{self, Lone};

/// `bytes` with the paths that `map` gives for the references of `metadata`.
///
/// `map` is asked for every reference in the file's order, the same path as often as it occurs. It
/// appends the new path to the empty text given and says true, or says false, which leaves the
/// path's bytes as they are; so does the path itself. It must answer the same each time, for Flink
/// knows a shared file by its path.
///
/// # Errors
/// [`FormatError::PathTooLong`] and [`FormatError::EmptyPath`] for paths that cannot be stored;
/// [`FormatError::ForeignMetadata`] where `metadata` was not parsed from `bytes`.
pub fn rewrite(
    bytes: &[u8],
    metadata: &Metadata<'_>,
    mut map: impl FnMut(&Reference<'_>, &mut String) -> bool,
) -> Result<Vec<u8>, FormatError> {
    // Paths that grow a little do not make it move.
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 8);
    let mut path = String::new();
    let (mut copied, mut checked) = (0, 0);
    for reference in &metadata.references {
        let offset = reference.span.start;
        if offset < checked || !is_at_its_place(bytes, reference) {
            return Err(FormatError::ForeignMetadata { offset });
        }
        checked = reference.span.end;
        path.clear();
        if !map(reference, &mut path) || path == reference.path {
            continue;
        }
        if path.is_empty() {
            return Err(FormatError::EmptyPath { offset });
        }
        out.extend_from_slice(&bytes[copied..offset]);
        utf::encode(&path, &mut out).map_err(|bytes| FormatError::PathTooLong { offset, bytes })?;
        copied = reference.span.end;
    }
    out.extend_from_slice(&bytes[copied..]);
    Ok(out)
}

/// Whether the reference's field is in `bytes` where the reference says, with its path.
fn is_at_its_place(bytes: &[u8], reference: &Reference<'_>) -> bool {
    let field = bytes
        .get(reference.span.clone())
        .and_then(|field| field.split_first_chunk());
    let Some((length, raw)) = field else {
        return false;
    };
    let is_same =
        || utf::decode(raw, 0, "a path", Lone::Refuse).is_ok_and(|path| path == reference.path);
    usize::from(u16::from_be_bytes(*length)) == raw.len()
        && (raw == reference.path.as_bytes() || is_same())
}
