//! Hadoop's RPC frames (version 9), as far as a call's number and method are in them. Pure but for
//! reading a stream.
//!
//! ```text
//! client: "hrpc" version class auth | frame | frame ...     server: frame | frame ...
//! frame:  length (4 bytes, big-endian) | message | message ...   message: varint length | protobuf
//! ```
//!
//! The first message of a client's frame is an `RpcRequestHeaderProto` (3: call number, zigzag),
//! the second a `RequestHeaderProto` (1: method); the first of a server's is an
//! `RpcResponseHeaderProto` (1: call number), as `RpcHeader.proto` and `ProtobufRpcEngine2.proto`
//! of Hadoop 3.4.1 say. Refuses to understand more.

use std::io::Read;

/// No frame of a `NameNode` is larger (`ipc.maximum.data.length`).
const FRAME_BYTES_AT_MOST: usize = 128 << 20;

/// A call as its request's header tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) number: u64,
    pub(super) method: String,
}

/// The bytes that a client says before its first frame.
pub(super) fn preamble(from: &mut impl Read) -> std::io::Result<[u8; 7]> {
    let mut bytes = [0; 7];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The next frame, with its length before it.
pub(super) fn next(from: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let bytes = u32::from_be_bytes(length) as usize;
    if bytes > FRAME_BYTES_AT_MOST {
        return Err(std::io::Error::other(format!("a frame of {bytes} bytes")));
    }
    let mut frame = length.to_vec();
    frame.resize(4 + bytes, 0);
    from.read_exact(&mut frame[4..])?;
    Ok(frame)
}

/// The call that a client's frame makes; none if it is one of the connection's own.
pub(super) fn call(frame: &[u8]) -> Option<Call> {
    let (header, rest) = message(frame.get(4..)?)?;
    let (request, _) = message(rest)?;
    let Field::Number(zigzag) = field(header, 3)? else {
        return None;
    };
    let Field::Bytes(method) = field(request, 1)? else {
        return None;
    };
    // Negative numbers, which are odd, are the connection's own.
    (zigzag % 2 == 0).then(|| Call {
        number: zigzag / 2,
        method: String::from_utf8_lossy(method).into_owned(),
    })
}

/// The number of the call that a server's frame answers.
pub(super) fn answered(frame: &[u8]) -> Option<u64> {
    let (header, _) = message(frame.get(4..)?)?;
    match field(header, 1)? {
        Field::Number(number) => Some(number),
        Field::Bytes(_) => None,
    }
}

/// Splits a message with its length before it from what follows.
fn message(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = varint(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

#[derive(Debug, PartialEq, Eq)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The first field of a protobuf message that has this number.
fn field(mut bytes: &[u8], wanted: u64) -> Option<Field<'_>> {
    loop {
        let (tag, rest) = varint(bytes)?;
        let (value, rest) = match tag % 8 {
            0 => {
                let (number, rest) = varint(rest)?;
                (Field::Number(number), rest)
            }
            1 => (Field::Bytes(rest.get(..8)?), rest.get(8..)?),
            2 => {
                let (value, rest) = message(rest)?;
                (Field::Bytes(value), rest)
            }
            5 => (Field::Bytes(rest.get(..4)?), rest.get(4..)?),
            _ => return None,
        };
        if tag / 8 == wanted {
            return Some(value);
        }
        bytes = rest;
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(messages: &[&[u8]]) -> Vec<u8> {
        let mut body = Vec::new();
        for message in messages {
            body.push(u8::try_from(message.len()).unwrap());
            body.extend_from_slice(message);
        }
        let mut frame = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
        frame.extend(body);
        frame
    }

    #[test]
    fn a_call_is_known_by_number_and_method() {
        // rpcKind 2, rpcOp 0, callId 300 as zigzag 600, clientId "id", retryCount -1
        let header = [8, 2, 16, 0, 24, 0xd8, 4, 34, 2, b'i', b'd', 40, 1];
        let request = [10, 7, b'r', b'e', b'n', b'a', b'm', b'e', b'2', 24, 1];
        let frame = framed(&[&header, &request, b"whatever"]);
        let call = call(&frame).unwrap();
        assert_eq!((call.number, &*call.method), (300, "rename2"));
        assert_eq!(next(&mut frame.as_slice()).unwrap(), frame);
    }

    #[test]
    fn what_the_connection_says_for_itself_is_no_call() {
        // callId -3 as zigzag 5: the connection's context
        let header = [8, 2, 16, 0, 24, 5, 34, 2, b'i', b'd'];
        assert_eq!(call(&framed(&[&header, &[10, 1, b'x']])), None);
        for end in 0..20 {
            assert_eq!(call(&framed(&[&header, &[10, 1]])[..end.min(12)]), None);
        }
    }

    #[test]
    fn an_answer_names_its_call() {
        assert_eq!(answered(&framed(&[&[8, 0xac, 2, 16, 0]])), Some(300));
        assert_eq!(answered(&framed(&[&[]])), None);
    }
}
