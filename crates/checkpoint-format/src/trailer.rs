//! The last part of a file from version 4 on: `CheckpointProperties` by Java's serialization. It
//! names no file and is copied blind. It is walked through only to see that it is whole, for it is
//! what a cut-off file lacks. Refused is a trailer that ends too early, or is none; accepted is
//! what the walk does not know, as other versions may serialize otherwise.

use crate::FormatError;
use crate::reader::Reader;

/// `ObjectStreamConstants.STREAM_MAGIC` and `STREAM_VERSION`.
const HEADER: u32 = 0xACED_0005;

const TC_NULL: u8 = 0x70;
const TC_REFERENCE: u8 = 0x71;
const TC_CLASSDESC: u8 = 0x72;
const TC_OBJECT: u8 = 0x73;
const TC_STRING: u8 = 0x74;
const TC_ENDBLOCKDATA: u8 = 0x78;
const TC_ENUM: u8 = 0x7E;
/// The number of the first handle in a stream.
const BASE_HANDLE: u32 = 0x007E_0000;
/// Written field by field, without a `writeObject` of its own.
const SC_SERIALIZABLE: u8 = 0x02;
/// The same, of an enum.
const SC_ENUM: u8 = 0x12;

/// How deep objects may lie within each other, and classes above each other. Flink has 3.
const MAX_NESTING: usize = 16;
const EXPECTED: &str = "the checkpoint's properties";

/// Whether a whole trailer begins at `start`.
pub(crate) fn check(bytes: &[u8], start: usize) -> Result<(), FormatError> {
    let mut reader = Reader::new(bytes, start);
    let found = reader.u32(EXPECTED)?;
    if found != HEADER {
        let expected = EXPECTED;
        return Err(FormatError::BadMarker {
            offset: start,
            expected,
            wanted: HEADER,
            found,
        });
    }
    match (Walk {
        reader,
        handles: Vec::new(),
    })
    .object(0)
    {
        Ok(()) | Err(Stop::Unknown) => Ok(()),
        Err(Stop::Broken(error)) => Err(error),
    }
}

/// Why a walk ended before the object did.
enum Stop {
    /// The bytes end.
    Broken(FormatError),
    /// Something that the walk does not know.
    Unknown,
}

impl From<FormatError> for Stop {
    fn from(error: FormatError) -> Self {
        Self::Broken(error)
    }
}

/// What a later `TC_REFERENCE` can point to.
enum Handle {
    Class(Class),
    Other,
}

struct Class {
    flags: u8,
    /// The type codes of its fields, in the order in which an object has them.
    fields: Vec<u8>,
    /// The number of the handle of the class above.
    above: Option<usize>,
}

struct Walk<'a> {
    reader: Reader<'a>,
    handles: Vec<Handle>,
}

impl Walk<'_> {
    fn object(&mut self, depth: usize) -> Result<(), Stop> {
        if depth > MAX_NESTING {
            return Err(Stop::Unknown);
        }
        match self.reader.u8(EXPECTED)? {
            TC_NULL => Ok(()),
            TC_REFERENCE => self.reader.skip(4, EXPECTED).map_err(Stop::from),
            TC_STRING => {
                self.handles.push(Handle::Other);
                self.reader.skip_utf(EXPECTED).map_err(Stop::from)
            }
            TC_ENUM => {
                self.class(depth)?;
                self.handles.push(Handle::Other);
                self.object(depth + 1)
            }
            TC_OBJECT => {
                let class = self.class(depth)?;
                self.handles.push(Handle::Other);
                self.fields(class, depth)
            }
            _ => Err(Stop::Unknown),
        }
    }

    /// A class, new or known: the number of its handle.
    fn class(&mut self, depth: usize) -> Result<Option<usize>, Stop> {
        if depth > MAX_NESTING {
            return Err(Stop::Unknown);
        }
        match self.reader.u8(EXPECTED)? {
            TC_NULL => Ok(None),
            TC_REFERENCE => {
                let handle = self.reader.u32(EXPECTED)?.wrapping_sub(BASE_HANDLE);
                usize::try_from(handle).map(Some).map_err(|_| Stop::Unknown)
            }
            TC_CLASSDESC => self.new_class(depth).map(Some),
            _ => Err(Stop::Unknown),
        }
    }

    fn new_class(&mut self, depth: usize) -> Result<usize, Stop> {
        self.reader.skip_utf(EXPECTED)?; // name
        self.reader.skip(8, EXPECTED)?; // serialVersionUID
        let handle = self.handles.len();
        self.handles.push(Handle::Other);
        let flags = self.reader.u8(EXPECTED)?;
        let mut fields = Vec::new();
        for _ in 0..self.reader.u16(EXPECTED)? {
            let code = self.reader.u8(EXPECTED)?;
            self.reader.skip_utf(EXPECTED)?; // name
            if matches!(code, b'L' | b'[') {
                self.object(depth + 1)?; // the name of its type
            }
            fields.push(code);
        }
        if self.reader.u8(EXPECTED)? != TC_ENDBLOCKDATA {
            return Err(Stop::Unknown);
        }
        let above = self.class(depth + 1)?;
        self.handles[handle] = Handle::Class(Class {
            flags,
            fields,
            above,
        });
        Ok(handle)
    }

    /// The fields of an object: those of the highest class first.
    fn fields(&mut self, lowest: Option<usize>, depth: usize) -> Result<(), Stop> {
        let mut levels = Vec::new();
        let mut next = lowest;
        while let Some(handle) = next {
            let Some(Handle::Class(class)) = self.handles.get(handle) else {
                return Err(Stop::Unknown);
            };
            if levels.len() > MAX_NESTING || !matches!(class.flags, SC_SERIALIZABLE | SC_ENUM) {
                return Err(Stop::Unknown);
            }
            next = class.above;
            levels.push(class.fields.clone());
        }
        for code in levels.iter().rev().flatten() {
            match code {
                b'B' | b'Z' => self.reader.skip(1, EXPECTED)?,
                b'C' | b'S' => self.reader.skip(2, EXPECTED)?,
                b'F' | b'I' => self.reader.skip(4, EXPECTED)?,
                b'D' | b'J' => self.reader.skip(8, EXPECTED)?,
                b'L' | b'[' => self.object(depth + 1)?,
                _ => return Err(Stop::Unknown),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = &[0xAC, 0xED, 0, 5];

    fn outcome(body: &[u8]) -> Result<(), FormatError> {
        check(&[HEAD, body].concat(), 0)
    }

    /// The description of a class: its name, flags, fields as type and name, and the class above.
    fn class(name: u8, flags: u8, fields: &[(u8, u8)], above: &[u8]) -> Vec<u8> {
        let mut out = vec![TC_CLASSDESC, 0, 1, name, 0, 0, 0, 0, 0, 0, 0, 1, flags, 0];
        out.push(u8::try_from(fields.len()).unwrap());
        for (code, name) in fields {
            out.extend([*code, 0, 1, *name]);
            if *code == b'L' {
                out.extend([TC_STRING, 0, 1, b'T']);
            }
        }
        out.push(TC_ENDBLOCKDATA);
        out.extend(above);
        out
    }

    /// An object of a class with one field of each kind, below a class with a field of two bytes,
    /// of which the walk sees the ends only if it knows the order and the width of each.
    fn object() -> Vec<u8> {
        let above = class(b'A', SC_SERIALIZABLE, &[(b'S', b's')], &[TC_NULL]);
        let fields = b"BCDFIJZLLLL".map(|code| (code, code));
        let mut out = vec![TC_OBJECT];
        out.extend(class(b'B', SC_SERIALIZABLE, &fields, &above));
        out.extend([0xFF; 2 + 1 + 2 + 8 + 4 + 4 + 8 + 1]);
        out.extend([TC_NULL, TC_STRING, 0, 2, b'h', b'i']);
        out.push(TC_ENUM);
        let above = class(b'F', SC_ENUM, &[], &[TC_NULL]);
        out.extend(class(b'E', SC_ENUM, &[], &above));
        out.extend([TC_STRING, 0, 1, b'X']);
        // Another object of the class above, which is the sixth of the handles.
        out.extend([TC_OBJECT, TC_REFERENCE, 0, 0x7E, 0, 5, 0xFF, 0xFF]);
        out
    }

    #[test]
    fn an_object_is_walked_through_to_its_last_byte() {
        let object = object();
        assert_eq!(outcome(&object), Ok(()));
        for end in 0..object.len() {
            let error = outcome(&object[..end]).unwrap_err();
            assert!(matches!(error, FormatError::Truncated { offset, .. } if offset <= end + 4));
        }
    }

    #[test]
    fn what_is_behind_the_object_is_let_be() {
        assert_eq!(outcome(&[object(), vec![1, 2, 3]].concat()), Ok(()));
    }

    #[test]
    fn what_is_no_java_stream_is_refused() {
        let wanted = HEADER;
        let found = 0xACED_0006;
        assert_eq!(
            check(&[0, 0xAC, 0xED, 0, 6, TC_NULL], 1),
            Err(FormatError::BadMarker {
                offset: 1,
                expected: EXPECTED,
                wanted,
                found
            })
        );
    }

    #[test]
    fn what_the_walk_does_not_know_is_accepted() {
        let custom = class(b'C', 0x03, &[], &[TC_NULL]); // with a writeObject of its own
        let unknown: [&[u8]; 4] = [
            &[0x77, 4],                                // block data
            &[TC_OBJECT, TC_REFERENCE, 0, 0x7E, 0, 9], // a handle that there is not
            &[TC_OBJECT, TC_REFERENCE, 0, 0, 0, 9],    // no handle
            &[&[TC_OBJECT][..], &custom, &[1]].concat(),
        ];
        for body in unknown {
            assert_eq!(outcome(body), Ok(()), "{body:?}");
        }
    }

    #[test]
    fn neither_deep_nor_circular_classes_exhaust_anything() {
        let mut above = vec![TC_NULL];
        for _ in 0..100 {
            above = class(b'A', SC_SERIALIZABLE, &[], &above);
        }
        assert_eq!(outcome(&[vec![TC_OBJECT], above].concat()), Ok(()));
        let circular = class(b'A', SC_SERIALIZABLE, &[], &[TC_REFERENCE, 0, 0x7E, 0, 0]);
        assert_eq!(outcome(&[vec![TC_OBJECT], circular].concat()), Ok(()));
    }
}
