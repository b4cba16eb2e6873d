//! Tests of cost: what parsing and rewriting take of time and memory, counted and not timed. Time
//! is counted in fields read, memory by the allocator.

use allocation_counter::{AllocationInfo, measure};

use crate::reader::STEPS;
use crate::sample::{
    Keyed, OperatorState, Sample, SampleMaster, SampleOperator, Stream, Subtask, TRAILER,
    with_path, with_state,
};
use crate::{FlinkVersion, parse, rewrite};

/// Bytes of memory for a byte of any input. Most take the shortest references there are, 80 bytes
/// of memory for 14 of input, while their list is copied to one twice as long; and in version 3
/// once more what another layout made of them.
const MOST_MEMORY: u64 = 32;
/// Bytes allocated for a byte of any input, all in all: version 3 may be read three times.
const MOST_ALLOCATED: u64 = 72;
/// What an input of no length may take.
const BASE_MEMORY: u64 = 1 << 10;
/// Fields read for a byte of any input. Some have no length, such as an empty text after its
/// length, but not two in a row; three times, again.
const MOST_STEPS: u64 = 3;

/// So many that a list has just grown: to twice as long, while it was still there at half of that.
const DENSEST: usize = (1 << 16) + 1;

/// What `work` takes: of memory, and of steps.
fn cost(work: impl FnOnce()) -> (AllocationInfo, u64) {
    let before = STEPS.get();
    let memory = measure(work);
    (memory, STEPS.get() - before)
}

/// Asserts that parsing costs no more than a small multiple of the input, whatever comes of it.
pub(crate) fn is_within_bounds(bytes: &[u8]) {
    let (memory, steps) = cost(|| drop(parse(bytes)));
    let length = bytes.len() as u64;
    assert!(
        memory.bytes_max <= MOST_MEMORY * length + BASE_MEMORY,
        "{length}: {memory:?}"
    );
    assert!(
        memory.bytes_total <= MOST_ALLOCATED * length + BASE_MEMORY,
        "{length}: {memory:?}"
    );
    assert!(steps <= MOST_STEPS * length + 1, "{length}: {steps} steps");
}

/// A file as large jobs have them: operators with increments of 70 files each.
fn large(files: usize) -> Vec<u8> {
    let file = |at: usize| {
        let path = format!(
            "hdfs://nameservice1/flink/checkpoints/{:032x}/shared/{at:036x}",
            7
        );
        (format!("{at:06}.sst"), Stream::File(path, 67_108_864))
    };
    let increment = |first: usize| {
        let meta = Stream::Relative(format!("{first:036x}"), 22_000);
        let shared = (first..first + 69).map(file).collect();
        Keyed::Incremental(11, meta, [shared, vec![]])
    };
    let subtask = |at: usize| Subtask {
        keyed: [Some(increment(at * 70)), None],
        ..Subtask::default()
    };
    let subtasks = (0..files / 70).map(|at| Some(subtask(at))).collect();
    let mut sample = with_state(Keyed::ChangelogBytes(vec![]));
    sample.operators[0].subtasks = Some(subtasks);
    sample.write().0
}

#[test]
fn nothing_is_allocated_for_a_handle() {
    let allocations = |files| {
        let bytes = large(files);
        let metadata = parse(&bytes).unwrap();
        assert!(metadata.references.len() > files - 70);
        let (parsing, _) = cost(|| drop(parse(&bytes)));
        let (rewriting, _) = cost(|| {
            let new = rewrite(&bytes, &metadata, |reference, new| {
                new.push_str("hdfs://secondary:8020/dr");
                new.push_str(reference.path.trim_start_matches("hdfs://nameservice1"));
                true
            });
            drop(new);
        });
        [parsing.count_total, rewriting.count_total]
    };
    let some = allocations(1_000);
    let many = allocations(100_000);
    // The lists' growth: to the double each time, seven times.
    assert!(some[0] <= 16 && some[1] <= 8, "{some:?}");
    assert!(
        many[0] <= some[0] + 7 && many[1] <= some[1] + 1,
        "{many:?} after {some:?}"
    );
}

#[test]
fn memory_is_below_the_double_of_a_large_file() {
    for files in [10_000, 50_000, 100_000] {
        let bytes = large(files);
        let length = bytes.len() as u64;
        let (parsing, steps) = cost(|| drop(parse(&bytes)));
        assert!(parsing.bytes_max < 2 * length, "{length}: {parsing:?}");
        assert!(steps < length / 10, "{length}: {steps} steps");
        let metadata = parse(&bytes).unwrap();
        let (rewriting, _) = cost(|| drop(rewrite(&bytes, &metadata, |_, _| false)));
        assert!(
            rewriting.bytes_max < length * 5 / 4,
            "{length}: {rewriting:?}"
        );
    }
}

fn by_flink(major: u16, minor: u16, operators: Vec<SampleOperator>) -> Vec<u8> {
    let mut sample = with_state(Keyed::ChangelogBytes(vec![]));
    sample.flink = FlinkVersion { major, minor };
    sample.operators = operators;
    sample.write().0
}

/// An operator without names.
fn operator(subtasks: Vec<Option<Subtask>>) -> SampleOperator {
    SampleOperator {
        name: String::new(),
        uid: String::new(),
        id: [7; 16],
        coordinator: None,
        subtasks: Some(subtasks),
    }
}

fn increments(path: &str, files: usize) -> Keyed {
    let file = (String::new(), Stream::File(path.to_owned(), 1));
    Keyed::Incremental(5, Stream::EmptySegment, [vec![file; files], vec![]])
}

fn keyed(keyed: Keyed) -> SampleOperator {
    let subtask = Subtask {
        keyed: [Some(keyed), None],
        ..Subtask::default()
    };
    operator(vec![Some(subtask)])
}

#[test]
fn memory_is_a_small_multiple_of_the_densest_inputs() {
    let directories = OperatorState {
        states: vec![],
        directories: Some(("a".into(), "b".into())),
        stream: Stream::EmptySegment,
    };
    let directories = Subtask {
        operator_states: [Some(directories.clone()), Some(directories)],
        ..Subtask::default()
    };
    // What Flinks 1.14 and 1.15 write differently comes last, so that all before it is read for
    // both, and kept until it is known which was right.
    let disputed = vec![
        keyed(increments("a", DENSEST)),
        keyed(Keyed::Changelog(8, [vec![], vec![]])),
    ];
    let master = SampleMaster {
        name: String::new(),
        version: 1,
        bytes: vec![],
    };
    let masters = Sample {
        masters: vec![master; DENSEST],
        ..with_state(Keyed::ChangelogBytes(vec![]))
    };
    let files = |path| vec![keyed(increments(path, DENSEST))];
    let without_state = vec![operator(vec![]); DENSEST];
    for bytes in [
        by_flink(2, 3, files("a")),
        by_flink(2, 3, files("\0")), // which is not borrowed
        by_flink(1, 15, disputed),
        by_flink(
            2,
            3,
            vec![operator(vec![Some(directories); DENSEST / 4 + 1])],
        ),
        by_flink(1, 11, without_state.clone()),
        by_flink(1, 16, without_state),
        masters.write().0,
    ] {
        assert!(parse(&bytes).is_ok());
        is_within_bounds(&bytes);
    }
}

/// The walk through the trailer once kept an entry of 48 bytes for everything that a later object
/// could refer to. Two bytes are enough to be such a thing, so it took seventy times the trailer.
#[test]
fn memory_is_a_small_multiple_of_the_densest_trailers() {
    let object_of_new_class = [&[0x73][..], &class(0)].concat();
    let values: [&[u8]; 4] = [
        &[0x74, 0, 0],       // a string
        &[0x73, 0x70],       // an object of no class
        &[0x7E, 0x70, 0x70], // an enum of no class
        &object_of_new_class,
    ];
    for value in values {
        let bytes = with_trailer(value);
        assert!(parse(&bytes).is_ok());
        is_within_bounds(&bytes);
    }
}

/// A file whose trailer has an object with objects in its 100 fields, of a class with 1000 fields
/// that all have one value.
fn with_trailer(value: &[u8]) -> Vec<u8> {
    let mut bytes = with_path("a");
    bytes.truncate(bytes.len() - TRAILER.len());
    bytes.extend([0xAC, 0xED, 0, 5, 0x73]);
    bytes.extend(class(100));
    let values = value.repeat(1000);
    bytes.push(0x73);
    bytes.extend(class(1000));
    bytes.extend(&values);
    for _ in 1..100 {
        bytes.extend([0x73, 0x71, 0, 0x7E, 0, 2]); // an object of the same class
        bytes.extend(&values);
    }
    bytes
}

/// The description of a new class with so many fields that refer to objects.
fn class(fields: u16) -> Vec<u8> {
    let [high, low] = fields.to_be_bytes();
    let head = [0x72, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, high, low];
    // Of no name, and a type whose name is somewhere else.
    let field = [b'L', 0, 0, 0x71, 0, 0x7E, 0, 0];
    [&head[..], &field.repeat(fields.into()), &[0x78, 0x70]].concat()
}
