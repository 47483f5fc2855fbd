//! From bytes to frames: server-sent events and the binary event streams of AWS. Pure.

use base64::Engine as _;
use serde_json::Value;

/// The most bytes of one frame; what is larger is no answer of a model.
const FRAME_MAX: usize = 16 << 20;

/// One frame of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The name of the event, where there is one.
    pub(crate) name: Option<String>,
    pub(crate) data: String,
}

/// Why bytes are no frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Garbled {
    TooLarge,
    NotFrames,
}

/// Cuts bytes into frames, wherever the network has cut them.
pub(crate) enum Framing {
    Events(Events),
    Binary(Vec<u8>),
}

/// The state of a stream of server-sent events.
#[derive(Default)]
pub(crate) struct Events {
    /// The line that is not complete yet.
    line: Vec<u8>,
    /// A `\r` was the last byte: a `\n` right after it belongs to it.
    after_cr: bool,
    name: Option<String>,
    data: Vec<u8>,
    has_data: bool,
}

impl Framing {
    pub(crate) fn events() -> Self {
        Self::Events(Events::default())
    }

    pub(crate) fn binary() -> Self {
        Self::Binary(Vec::new())
    }

    /// Takes more bytes and appends the frames that are complete.
    pub(crate) fn push(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> Result<(), Garbled> {
        match self {
            Self::Events(events) => events.push(bytes, frames),
            Self::Binary(buffer) => {
                buffer.extend_from_slice(bytes);
                while let Some(frame) = binary_frame(buffer)? {
                    frames.push(frame);
                }
                Ok(())
            }
        }
    }

    /// The last frame of a stream that ends without the empty line after it.
    pub(crate) fn finish(&mut self, frames: &mut Vec<Frame>) {
        if let Self::Events(events) = self {
            if !events.line.is_empty() {
                events.end_line(frames);
            }
            events.end_event(frames);
        }
    }
}

impl Events {
    fn push(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> Result<(), Garbled> {
        for &byte in bytes {
            let follows_cr = std::mem::take(&mut self.after_cr);
            match byte {
                b'\n' if follows_cr => {}
                b'\n' => self.end_line(frames),
                b'\r' => {
                    self.after_cr = true;
                    self.end_line(frames);
                }
                _ if self.line.len() + self.data.len() >= FRAME_MAX => return Err(Garbled::TooLarge),
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    fn end_line(&mut self, frames: &mut Vec<Frame>) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.end_event(frames);
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = colon.map_or((line.as_slice(), &[][..]), |at| (&line[..at], &line[at + 1..]));
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
            b"event" => self.name = Some(String::from_utf8_lossy(value).into_owned()),
            // Comments keep the connection alive; other fields mean nothing here.
            _ => {}
        }
    }

    fn end_event(&mut self, frames: &mut Vec<Frame>) {
        let name = self.name.take();
        let data = std::mem::take(&mut self.data);
        if std::mem::take(&mut self.has_data) {
            frames.push(Frame { name, data: String::from_utf8_lossy(&data).into_owned() });
        }
    }
}

/// Takes one message off the front: lengths, checksum, headers, payload, checksum.
fn binary_frame(buffer: &mut Vec<u8>) -> Result<Option<Frame>, Garbled> {
    const PRELUDE: usize = 12;
    let Some(total) = number(buffer, 0) else { return Ok(None) };
    let total = total as usize;
    if total > FRAME_MAX {
        return Err(Garbled::TooLarge);
    }
    if total < PRELUDE + 4 {
        return Err(Garbled::NotFrames);
    }
    if buffer.len() < total {
        return Ok(None);
    }
    let message: Vec<u8> = buffer.drain(..total).collect();
    let headers = number(&message, 4).unwrap_or_default() as usize;
    let sums = number(&message, 8).zip(number(&message, total - 4));
    let expected = (checksum(&message[..8]), checksum(&message[..total - 4]));
    if PRELUDE + headers + 4 > total || sums != Some(expected) {
        return Err(Garbled::NotFrames);
    }
    let names = header_texts(&message[PRELUDE..PRELUDE + headers]);
    let header = |wanted: &str| names.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let payload = String::from_utf8_lossy(&message[PRELUDE + headers..total - 4]).into_owned();
    let name = header(":exception-type").or_else(|| header(":event-type"));
    Ok(Some(Frame { data: unwrapped(&payload).unwrap_or(payload), name }))
}

/// The JSON inside `{"bytes": base64}`.
fn unwrapped(payload: &str) -> Option<String> {
    let value: Value = serde_json::from_str(payload).ok()?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(value["bytes"].as_str()?).ok()?;
    String::from_utf8(bytes).ok()
}

/// The headers whose values are texts.
fn header_texts(mut bytes: &[u8]) -> Vec<(String, String)> {
    const TEXT: u8 = 7;
    let mut found = Vec::new();
    while let Some((&length, rest)) = bytes.split_first() {
        let Some((name, rest)) = rest.split_at_checked(usize::from(length)) else { break };
        let Some(([TEXT, high, low], rest)) = rest.split_first_chunk::<3>() else { break };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((value, rest)) = rest.split_at_checked(length) else { break };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        found.push((text(name), text(value)));
        bytes = rest;
    }
    found
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// CRC-32 as in Ethernet and zip.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    let sum = bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg()))
    });
    !sum
}

#[cfg(test)]
mod tests;
