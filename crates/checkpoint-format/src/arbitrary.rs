//! For tests: arbitrary `_metadata` of all versions and handles that are understood.

use proptest::prelude::*;

use crate::FlinkVersion;
use crate::sample::{
    Channel, Keyed, OperatorState, Sample, SampleMaster, SampleOperator, Stream, Subtask,
};

fn some<S: Strategy>(element: S) -> impl Strategy<Value = Vec<S::Value>>
where
    S::Value: Clone,
{
    prop::collection::vec(element, 0..4)
}

fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "hdfs://primary/[0-9a-f]{8}/(shared|chk-[1-9]|savepoint-[0-9a-f]{6})/[0-9a-f-]{1,36}",
        1 => "[a-z/]{0,9}[é€\u{0}😀\u{10FFFF}]{1,4}[a-z/]{0,9}",
    ]
}

fn stream() -> impl Strategy<Value = Stream> {
    let offsets = || some(any::<i64>());
    let leaf = prop_oneof![
        (path(), some(any::<u8>())).prop_map(|(name, bytes)| Stream::Bytes(name, bytes)),
        (path(), -1..1_i64 << 40).prop_map(|(path, length)| Stream::File(path, length)),
        (path(), -1..1_i64 << 40).prop_map(|(path, length)| Stream::Relative(path, length)),
        (path(), 0..i64::MAX, -1..1_i64 << 40)
            .prop_map(|(path, offset, length)| Stream::Segment(path, offset, length)),
        Just(Stream::EmptySegment),
    ];
    leaf.prop_recursive(3, 3, 1, move |inner| {
        (offsets(), inner).prop_map(|(offsets, stream)| Stream::KeyGroups(offsets, stream.into()))
    })
}

fn keyed() -> impl Strategy<Value = Keyed> {
    let files = || some(("[0-9]{6}[.]sst", stream()));
    let one_of = |tags: &'static [u8]| prop::sample::select(tags);
    let leaf = prop_oneof![
        (one_of(&[3, 7, 12]), some(any::<i64>()), stream())
            .prop_map(|(tag, offsets, stream)| Keyed::KeyGroups(tag, offsets, stream)),
        (one_of(&[5, 11]), stream(), [files(), files()])
            .prop_map(|(tag, meta, lists)| Keyed::Incremental(tag, meta, lists)),
        some(some(any::<u8>())).prop_map(Keyed::ChangelogBytes),
        (one_of(&[10, 13]), some(stream()))
            .prop_map(|(tag, streams)| Keyed::ChangelogFiles(tag, streams)),
    ];
    leaf.prop_recursive(3, 12, 3, move |inner| {
        let lists = [some(inner.clone()), some(inner)];
        (one_of(&[8, 14]), lists).prop_map(|(tag, lists)| Keyed::Changelog(tag, lists))
    })
}

fn subtask() -> impl Strategy<Value = Subtask> {
    let directories = || prop::option::of((path(), path()));
    let operator_state = move || {
        (
            some(("[a-z]{1,8}", some(any::<i64>()))),
            directories(),
            stream(),
        )
            .prop_map(|(states, directories, stream)| OperatorState {
                states,
                directories,
                stream,
            })
    };
    let channel = || {
        (any::<bool>(), some(any::<i64>()), stream()).prop_map(|(merged, offsets, stream)| {
            Channel {
                merged,
                offsets,
                stream,
            }
        })
    };
    let maybe = move || prop::option::of(operator_state());
    let channels = [some(channel()), some(channel())];
    (
        [maybe(), maybe()],
        [prop::option::of(keyed()), prop::option::of(keyed())],
        channels,
    )
        .prop_map(|(operator_states, keyed, channels)| Subtask {
            operator_states,
            keyed,
            channels,
        })
}

fn operator() -> impl Strategy<Value = SampleOperator> {
    let coordinator = prop::option::of(some(any::<u8>()));
    let subtasks = prop::option::weighted(0.9, some(prop::option::weighted(0.8, subtask())));
    (
        "[a-z😀]{0,5}",
        "[a-z]{0,5}",
        any::<[u8; 16]>(),
        coordinator,
        subtasks,
    )
        .prop_map(|(name, uid, id, coordinator, subtasks)| SampleOperator {
            name,
            uid,
            id,
            coordinator,
            subtasks,
        })
}

fn master() -> impl Strategy<Value = SampleMaster> {
    ("[a-z😀]{0,5}", any::<i32>(), some(any::<u8>())).prop_map(|(name, version, bytes)| {
        SampleMaster {
            name,
            version,
            bytes,
        }
    })
}

/// Any file of any version.
pub(crate) fn sample() -> impl Strategy<Value = Sample> {
    let flinks: Vec<FlinkVersion> = (9..=20)
        .map(|minor| FlinkVersion { major: 1, minor })
        .chain((0..=3).map(|minor| FlinkVersion { major: 2, minor }))
        .collect();
    let id = prop_oneof![0..10_i64, 0..i64::MAX];
    (
        prop::sample::select(flinks),
        id,
        some(master()),
        some(operator()),
    )
        .prop_map(|(flink, id, masters, operators)| Sample {
            flink,
            id,
            masters,
            operators,
        })
}
