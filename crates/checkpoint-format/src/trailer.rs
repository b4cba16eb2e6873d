//! The last part of a file from version 4 on: `CheckpointProperties` by Java's serialization. It
//! names no file and is copied blind. It is walked through only to see that it is whole, for it is
//! what a cut-off file lacks. Refused is a trailer that ends too early, or is none; accepted is
//! what the walk does not know, as other versions may serialize otherwise.

use std::ops::Range;

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
/// The first handle in a stream.
const BASE_HANDLE: u64 = 0x007E_0000;
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
    let mut walk = Walk {
        reader,
        next_handle: BASE_HANDLE,
        classes: Vec::new(),
        codes: Vec::new(),
    };
    match walk.object(0) {
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

struct Class {
    /// By which a later `TC_REFERENCE` points to it.
    handle: u64,
    /// None while its description is being read.
    described: Option<Described>,
}

#[derive(Clone)]
struct Described {
    flags: u8,
    /// Where in the walk's codes its fields are, in the order in which an object has them.
    fields: Range<usize>,
    /// The place of the class above, among the walk's.
    above: Option<usize>,
}

/// Of what can be pointed to it keeps the classes alone. Everything else is only counted: there may
/// be one in every three bytes.
struct Walk<'a> {
    reader: Reader<'a>,
    /// What the next thing gets that can be pointed to.
    next_handle: u64,
    /// In the order of their handles.
    classes: Vec<Class>,
    /// The type codes of the fields of all classes.
    codes: Vec<u8>,
}

impl Walk<'_> {
    fn object(&mut self, depth: usize) -> Result<(), Stop> {
        if depth > MAX_NESTING {
            return Err(Stop::Unknown);
        }
        match self.reader.u8(EXPECTED)? {
            TC_NULL => Ok(()),
            TC_REFERENCE => self.reader.skip(4, EXPECTED).map_err(Stop::from),
            TC_STRING => self.string(),
            TC_ENUM => {
                self.class(depth)?;
                self.next_handle += 1;
                self.object(depth + 1)
            }
            TC_OBJECT => {
                let class = self.class(depth)?.ok_or(Stop::Unknown)?;
                self.next_handle += 1;
                self.fields(class, depth)
            }
            _ => Err(Stop::Unknown),
        }
    }

    fn string(&mut self) -> Result<(), Stop> {
        self.next_handle += 1;
        self.reader.skip_utf(EXPECTED).map_err(Stop::from)
    }

    /// A class, new or known: its place.
    fn class(&mut self, depth: usize) -> Result<Option<usize>, Stop> {
        if depth > MAX_NESTING {
            return Err(Stop::Unknown);
        }
        match self.reader.u8(EXPECTED)? {
            TC_NULL => Ok(None),
            TC_REFERENCE => {
                let handle = u64::from(self.reader.u32(EXPECTED)?);
                let place = self
                    .classes
                    .binary_search_by_key(&handle, |class| class.handle);
                place.map(Some).map_err(|_| Stop::Unknown)
            }
            TC_CLASSDESC => self.new_class(depth).map(Some),
            _ => Err(Stop::Unknown),
        }
    }

    fn new_class(&mut self, depth: usize) -> Result<usize, Stop> {
        self.reader.skip_utf(EXPECTED)?; // name
        self.reader.skip(8, EXPECTED)?; // serialVersionUID
        let place = self.classes.len();
        self.classes.push(Class {
            handle: self.next_handle,
            described: None,
        });
        self.next_handle += 1;
        let flags = self.reader.u8(EXPECTED)?;
        let first = self.codes.len();
        for _ in 0..self.reader.u16(EXPECTED)? {
            let code = self.reader.u8(EXPECTED)?;
            self.reader.skip_utf(EXPECTED)?; // name
            if matches!(code, b'L' | b'[') {
                self.type_name()?;
            }
            self.codes.push(code);
        }
        let fields = first..self.codes.len();
        if self.reader.u8(EXPECTED)? != TC_ENDBLOCKDATA {
            return Err(Stop::Unknown);
        }
        let above = self.class(depth + 1)?;
        self.classes[place].described = Some(Described {
            flags,
            fields,
            above,
        });
        Ok(place)
    }

    /// A string, new or known, of which `ObjectOutputStream.writeTypeString` writes nothing else.
    fn type_name(&mut self) -> Result<(), Stop> {
        match self.reader.u8(EXPECTED)? {
            TC_REFERENCE => self.reader.skip(4, EXPECTED).map_err(Stop::from),
            TC_STRING => self.string(),
            _ => Err(Stop::Unknown),
        }
    }

    /// The fields of an object: those of the highest class first.
    fn fields(&mut self, lowest: usize, depth: usize) -> Result<(), Stop> {
        let mut levels = [const { 0..0 }; MAX_NESTING];
        let mut count = 0;
        let mut next = Some(lowest);
        while let Some(place) = next {
            let class = self.classes[place].described.clone().ok_or(Stop::Unknown)?;
            let level = levels.get_mut(count).ok_or(Stop::Unknown)?;
            if !matches!(class.flags, SC_SERIALIZABLE | SC_ENUM) {
                return Err(Stop::Unknown);
            }
            *level = class.fields;
            next = class.above;
            count += 1;
        }
        for at in levels.into_iter().rev().flatten() {
            match self.codes[at] {
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
