//! Handles that Java may keep: a slot's number and its generation, never a pointer. A handle of
//! what has ended finds nothing, also when its slot is used again.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Things by handle. 0 is no handle.
pub(crate) struct Slots<T>(Mutex<Inner<T>>);

struct Inner<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

impl<T: Clone> Slots<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Inner {
            slots: Vec::new(),
            free: Vec::new(),
        }))
    }

    /// Keeps a value; 0 if there is no slot left.
    pub(crate) fn insert(&self, value: T) -> i64 {
        let mut inner = self.lock();
        let index = if let Some(index) = inner.free.pop() {
            index
        } else {
            let Ok(index) = u32::try_from(inner.slots.len()) else {
                return 0;
            };
            inner.slots.push(Slot {
                generation: 0,
                value: None,
            });
            index
        };
        let slot = &mut inner.slots[index as usize];
        // from 1 to i32::MAX, so that a handle is positive and never 0
        slot.generation = slot.generation % 0x7fff_ffff + 1;
        slot.value = Some(value);
        i64::from(slot.generation) << 32 | i64::from(index)
    }

    /// The value of a handle that has not ended.
    pub(crate) fn get(&self, handle: i64) -> Option<T> {
        let inner = self.lock();
        let (index, generation) = parts(handle)?;
        let slot = inner
            .slots
            .get(index)
            .filter(|slot| slot.generation == generation)?;
        slot.value.clone()
    }

    /// Ends a handle and gives its value.
    pub(crate) fn remove(&self, handle: i64) -> Option<T> {
        let mut inner = self.lock();
        let (index, generation) = parts(handle)?;
        let slot = inner
            .slots
            .get_mut(index)
            .filter(|slot| slot.generation == generation)?;
        let value = slot.value.take()?;
        inner.free.push(u32::try_from(index).ok()?);
        Some(value)
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parts(handle: i64) -> Option<(usize, u32)> {
    let generation = u32::try_from(handle >> 32)
        .ok()
        .filter(|generation| *generation > 0)?;
    let index = usize::try_from(handle & 0xffff_ffff).ok()?;
    Some((index, generation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_handle_finds_nothing_when_its_slot_is_used_again() {
        let slots = Slots::new();
        let first = slots.insert("first");
        assert_eq!(slots.get(first), Some("first"));
        assert_eq!(slots.remove(first), Some("first"));
        let second = slots.insert("second");
        assert_ne!(first, second);
        assert_eq!((slots.get(first), slots.remove(first)), (None, None));
        assert_eq!(slots.get(second), Some("second"));
    }

    #[test]
    fn what_was_never_a_handle_finds_nothing() {
        let slots = Slots::new();
        slots.insert(1);
        for handle in [0, -1, 1, i64::MIN, i64::MAX, 1 << 32 | 7] {
            assert_eq!(slots.get(handle), None, "{handle}");
        }
    }

    #[test]
    fn generations_wrap_without_becoming_no_handle() {
        let slots = Slots::new();
        let handle = slots.insert(1);
        slots.remove(handle);
        slots.lock().slots[0].generation = 0x7fff_ffff;
        assert!(slots.insert(2) > 0);
    }
}
