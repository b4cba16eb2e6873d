//! What one `_metadata` says, as it appears in JSON: docs/cli.md has the form. Refuses to decide
//! how it looks to people.

use audit::{
    Counts, Finding, Location, Metadata, MetadataFile, Named, Operator, Reference, ReferenceKind,
    Scope, StateSizes, StoreError,
};
use serde::Serialize;

use crate::error::Failure;
use crate::output::FindingLine;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Good,
    Findings,
    Unknown,
}

#[derive(Debug, Serialize)]
pub(super) struct Document<'m> {
    result: Verdict,
    pub(super) path: String,
    pub(super) bytes: Option<usize>,
    pub(super) version: Option<u32>,
    pub(super) flink: Option<&'static str>,
    pub(super) checkpoint_id: Option<i64>,
    pub(super) state: Option<Sizes>,
    pub(super) file_counts: Option<FileCounts>,
    pub(super) master_states: Vec<MasterLine<'m>>,
    pub(super) operators: Vec<OperatorLine<'m>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) files: Option<Vec<FileLine<'m>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) directories: Option<&'m [&'m str]>,
    findings: Vec<FindingLine>,
    error: Option<Failure>,
}

/// In bytes.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Sizes {
    pub(super) inline: u64,
    pub(super) exclusive: u64,
    pub(super) shared: u64,
    pub(super) changelog: u64,
    pub(super) channel: u64,
    pub(super) total: u64,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct FileCounts {
    pub(super) absolute: usize,
    pub(super) relative: usize,
    pub(super) segment: usize,
    pub(super) segment_files: usize,
    pub(super) directory: usize,
    pub(super) unknown_length: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct MasterLine<'m> {
    pub(super) name: &'m str,
    pub(super) version: i32,
    pub(super) bytes: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct OperatorLine<'m> {
    pub(super) id: String,
    pub(super) name: Option<&'m str>,
    pub(super) uid: Option<&'m str>,
    pub(super) parallelism: u32,
    pub(super) max_parallelism: u32,
    pub(super) subtasks: Option<SubtaskLine>,
    pub(super) state: Sizes,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct SubtaskLine {
    pub(super) stored: u32,
    pub(super) finished: u32,
}

#[derive(Debug, Serialize)]
pub(super) struct FileLine<'m> {
    pub(super) kind: &'static str,
    pub(super) path: &'m str,
    pub(super) length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) offset: Option<u64>,
    pub(super) scope: &'static str,
}

impl<'m> Document<'m> {
    /// All that is known. Of `named`, the numbers alone unless `with_files`.
    pub(super) fn of(
        file: &MetadataFile,
        metadata: &'m Metadata<'m>,
        named: &'m Named<'m>,
        with_files: bool,
    ) -> Self {
        let masters = metadata.master_states.iter().map(|master| MasterLine {
            name: &master.name,
            version: master.version,
            bytes: master.length,
        });
        let files = || named.files.iter().map(|file| file_line(file)).collect();
        Self {
            result: Verdict::Good,
            path: file.path.to_string(),
            bytes: Some(file.bytes.len()),
            version: Some(metadata.version),
            flink: Some(metadata.flinks()),
            checkpoint_id: Some(metadata.checkpoint_id),
            state: Some(metadata.state().into()),
            file_counts: Some(named.counts().into()),
            master_states: masters.collect(),
            operators: metadata.operators.iter().map(operator_line).collect(),
            files: with_files.then(files),
            directories: with_files.then_some(&named.directories),
            findings: Vec::new(),
            error: None,
        }
    }

    /// What was asked for has something wrong with it: `message` says what to people.
    pub(super) fn not_understood(path: &Location, finding: &Finding, message: String) -> Self {
        let finding = FindingLine {
            message,
            ..FindingLine::from(finding)
        };
        Self {
            findings: vec![finding],
            ..Self::nothing(Verdict::Findings, path)
        }
    }

    /// The cluster did not tell.
    pub(super) fn unknown(path: &Location, error: &StoreError) -> Self {
        Self {
            error: Some(Failure::from(error)),
            ..Self::nothing(Verdict::Unknown, path)
        }
    }

    fn nothing(result: Verdict, path: &Location) -> Self {
        Self {
            result,
            path: path.to_string(),
            bytes: None,
            version: None,
            flink: None,
            checkpoint_id: None,
            state: None,
            file_counts: None,
            master_states: Vec::new(),
            operators: Vec::new(),
            files: None,
            directories: None,
            findings: Vec::new(),
            error: None,
        }
    }
}

fn operator_line<'m>(operator: &'m Operator<'m>) -> OperatorLine<'m> {
    OperatorLine {
        id: operator.id.to_string(),
        name: operator.name.as_deref(),
        uid: operator.uid.as_deref(),
        parallelism: operator.parallelism,
        max_parallelism: operator.max_parallelism,
        subtasks: operator.subtasks.map(|subtasks| SubtaskLine {
            stored: subtasks.stored,
            finished: subtasks.finished,
        }),
        state: operator.state.into(),
    }
}

fn file_line<'m>(file: &'m Reference<'m>) -> FileLine<'m> {
    let (kind, offset) = match file.kind {
        ReferenceKind::Absolute => ("absolute", None),
        ReferenceKind::Relative => ("relative", None),
        ReferenceKind::Segment { offset } => ("segment", Some(offset)),
        ReferenceKind::Directory => ("directory", None),
    };
    FileLine {
        kind,
        path: &file.path,
        length: file.length,
        offset,
        scope: match file.scope {
            Scope::Exclusive => "exclusive",
            Scope::Shared => "shared",
        },
    }
}

impl From<StateSizes> for Sizes {
    fn from(sizes: StateSizes) -> Self {
        Self {
            inline: sizes.inline,
            exclusive: sizes.exclusive,
            shared: sizes.shared,
            changelog: sizes.changelog,
            channel: sizes.channel,
            total: sizes.total(),
        }
    }
}

impl From<Counts> for FileCounts {
    fn from(counts: Counts) -> Self {
        Self {
            absolute: counts.absolute,
            relative: counts.relative,
            segment: counts.segments,
            segment_files: counts.segment_files,
            directory: counts.directories,
            unknown_length: counts.unknown_lengths,
        }
    }
}
