//! Tests of damage: a million seeded mutations of the goldens, and the inputs that fuzzing found.
//! Each must pass all checks, in time and memory that are in proportion to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::bounds::is_within_bounds;
use crate::checks::{parsing, rewriting};

const MUTATIONS: u64 = 1_000_000;
/// Runs one mutation alone.
const SEED: &str = "DUALWRITE_MUTATION";
/// Numbers that overflow something, or are just below or above a limit.
const NUMBERS: [u32; 12] = [
    0,
    1,
    2,
    0xffff,
    0x1_0000,
    0x00ff_ffff,
    0x3fff_ffff,
    0x7fff_fffe,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffe,
    0xffff_ffff,
];

/// `SplitMix64`: the same numbers of a seed for ever.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `limit`; 0 where there is nothing below.
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap()
    }

    fn of<'a, T>(&mut self, some: &'a [T]) -> &'a T {
        &some[self.below(some.len())]
    }

    /// A place among `length` bytes and a short or any length from there.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let most = *self.of(&[4, 64, 1024, length]);
        start..length.min(start + self.below(most + 1))
    }
}

/// All files below `folder`, in the order of their paths.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// A path from this crate's folder.
fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn goldens() -> Vec<Vec<u8>> {
    let files = files(&folder("../../tests/goldens/data"));
    let is_metadata = |file: &&PathBuf| file.extension().is_some_and(|end| end == "metadata");
    let files = files.iter().filter(is_metadata);
    files.map(|file| fs::read(file).unwrap()).collect()
}

/// What the seed makes of the goldens.
fn mutation(seed: u64, goldens: &[Vec<u8>]) -> Vec<u8> {
    let mut random = Random(seed);
    let mut bytes = random.of(goldens).clone();
    for _ in 0..=random.below(4) {
        mutate(&mut bytes, &mut random, goldens);
    }
    bytes
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random, goldens: &[Vec<u8>]) {
    let at = random.below(bytes.len());
    let number = *random.of(&NUMBERS);
    match random.below(12) {
        0 => bytes.truncate(at),
        // A bit, a byte, a tag.
        1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        2 if at < bytes.len() => bytes[at] = random.next().to_le_bytes()[0],
        3 if at < bytes.len() => bytes[at] = u8::try_from(random.below(20)).unwrap(),
        // A number anywhere, and one in the place of a small one, which may well count something.
        4 => put(bytes, at, &number.to_be_bytes()),
        5 => put(bytes, at, &(u64::from(number) << 32).to_be_bytes()),
        6 => put(bytes, at, &number.to_be_bytes()[2..]),
        7 | 8 => {
            let is_small = |field: &[u8]| field[..3] == [0; 3] && field[3] < 0x80;
            if let Some(place) = bytes[at..].windows(4).position(is_small) {
                put(bytes, at + place, &number.to_be_bytes());
            }
        }
        // A part twice or more often, a part less, a part of another file.
        9 => {
            let part = random.range(bytes.len());
            let copies = bytes[part.clone()].repeat(1 + random.below(4));
            bytes.splice(part.end..part.end, copies);
        }
        10 => drop(bytes.drain(random.range(bytes.len()))),
        _ => {
            let other = random.of(goldens);
            let part = random.range(other.len());
            let place = random.range(bytes.len());
            bytes.splice(place, other[part].iter().copied());
        }
    }
}

fn put(bytes: &mut [u8], at: usize, number: &[u8]) {
    for (place, byte) in bytes[at..].iter_mut().zip(number) {
        *place = *byte;
    }
}

/// Tells how to repeat what failed.
struct Repeatable(u64);

impl Drop for Repeatable {
    fn drop(&mut self) {
        if thread::panicking() {
            let seed = self.0;
            eprintln!("{SEED}={seed} cargo test -p checkpoint-format mutations repeats it alone");
        }
    }
}

/// All checks on one mutation; whether it can still be parsed.
fn check(seed: u64, goldens: &[Vec<u8>]) -> bool {
    let _repeatable = Repeatable(seed);
    let bytes = mutation(seed, goldens);
    is_within_bounds(&bytes);
    rewriting(&bytes);
    parsing(&bytes)
}

#[test]
fn a_million_mutations_do_no_harm() {
    let goldens = goldens();
    assert!(!goldens.is_empty());
    if let Ok(seed) = std::env::var(SEED) {
        check(seed.parse().unwrap(), &goldens);
        return;
    }
    let next = AtomicU64::new(0);
    let parsed = AtomicU64::new(0);
    let work = || {
        while let seed @ 0..MUTATIONS = next.fetch_add(1, Ordering::Relaxed) {
            parsed.fetch_add(check(seed, &goldens).into(), Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().unwrap().get() {
            scope.spawn(work);
        }
    });
    // Many on either side, or the mutations would be too coarse or too fine to show anything.
    let parsed = parsed.into_inner();
    println!("{parsed} of {MUTATIONS} are parsed");
    let rare = MUTATIONS / 50;
    assert!(
        (rare..MUTATIONS - rare).contains(&parsed),
        "{parsed} are parsed"
    );
}

#[test]
fn what_fuzzing_found_does_no_harm() {
    let files = files(&folder("fuzz/seeds"));
    assert!(!files.is_empty());
    for file in files {
        println!("{}", file.display()); // shown when it fails
        let bytes = fs::read(file).unwrap();
        is_within_bounds(&bytes);
        parsing(&bytes);
        rewriting(&bytes);
    }
}
