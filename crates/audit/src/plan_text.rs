//! Plans as text: JSON of one version, which people read and edit, so it is understood wholly or
//! refused. Refuses to know what is in a plan.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Why a text is no plan that is understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanTextError {
    /// No JSON, or fields are missing or unknown.
    #[error("it is no {what}: {why}")]
    Malformed {
        /// What it should be.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// Written by another release.
    #[error("it has version {found}, this release applies version {known}: make the plan anew")]
    Version {
        /// The text's.
        found: u64,
        /// The only one that is read.
        known: u32,
    },
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

/// Reads a plan whose field `version` is `known`; `what` is how people call it.
///
/// # Errors
/// When the text is none, or of another version, whatever that may look like.
pub fn parse_plan<P: DeserializeOwned>(
    text: &str,
    what: &'static str,
    known: u32,
) -> Result<P, PlanTextError> {
    let malformed = |error: serde_json::Error| PlanTextError::Malformed {
        what,
        why: error.to_string(),
    };
    let Version { version: found } = serde_json::from_str(text).map_err(malformed)?;
    if found != u64::from(known) {
        return Err(PlanTextError::Version { found, known });
    }
    serde_json::from_str(text).map_err(malformed)
}

/// The text of a plan: of text, numbers and maps with text for keys, so that there is nothing that
/// JSON does not have.
pub fn plan_to_json(plan: &impl Serialize) -> String {
    serde_json::to_string_pretty(plan).unwrap_or_default() + "\n"
}
