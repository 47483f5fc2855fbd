//! The framing of the reconnecting terminal on tunnel port 2.
//!
//! The client first sends [`encode_init`], then JSON objects of [`Input`] one after the other without separators; the
//! agent answers with the terminal's bytes and nothing else.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Largest encoded [`Init`], in bytes.
pub const INIT_BYTES_MAX: usize = u16::MAX as usize;
/// Largest encoded [`Input`], in bytes.
pub const INPUT_BYTES_MAX: usize = 1 << 20;

/// Names the terminal and gives its first size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Init {
    /// The same id attaches to the same terminal as long as it lives.
    #[serde(rename = "ID")]
    pub id: Uuid,
    #[serde(rename = "Height", default)]
    pub height: u16,
    #[serde(rename = "Width", default)]
    pub width: u16,
    /// Empty starts a login shell. Only counts for the first attach.
    #[serde(rename = "Command", default)]
    pub command: String,
}

/// Keys typed, a new size, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub data: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u16>,
}

/// Why bytes are not what this module describes.
#[derive(Debug, thiserror::Error)]
pub enum TerminalFrameError {
    #[error("the terminal request is not valid JSON")]
    Json(#[from] serde_json::Error),
    #[error("the terminal request is longer than {INIT_BYTES_MAX} bytes")]
    TooLong,
}

/// Encodes the first frame: a 16-bit little-endian length and JSON.
///
/// # Errors
/// [`TerminalFrameError::TooLong`] when the command does not fit.
pub fn encode_init(init: &Init) -> Result<Vec<u8>, TerminalFrameError> {
    let json = serde_json::to_vec(init)?;
    let length = u16::try_from(json.len()).map_err(|_| TerminalFrameError::TooLong)?;
    let mut frame = length.to_le_bytes().to_vec();
    frame.extend(json);
    Ok(frame)
}

/// Collects [`Input`]s from a stream that may cut them anywhere.
#[derive(Debug, Default)]
pub struct InputDecoder {
    buffer: Vec<u8>,
}

impl InputDecoder {
    /// The inputs that `bytes` completes.
    ///
    /// # Errors
    /// [`TerminalFrameError`] when the stream is not a series of inputs; nothing after that can be understood.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Input>, TerminalFrameError> {
        self.buffer.extend_from_slice(bytes);
        let mut inputs = Vec::new();
        let mut stream = serde_json::Deserializer::from_slice(&self.buffer).into_iter::<Input>();
        let mut n_used = 0;
        loop {
            match stream.next() {
                Some(Ok(input)) => inputs.push(input),
                Some(Err(error)) if error.is_eof() => break,
                Some(Err(error)) => return Err(error.into()),
                None => break,
            }
            n_used = stream.byte_offset();
        }
        self.buffer.drain(..n_used);
        if self.buffer.len() > INPUT_BYTES_MAX {
            return Err(TerminalFrameError::TooLong);
        }
        Ok(inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_found_wherever_the_stream_is_cut() {
        let text = r#"{"data":"ls\r"}{"height":3,"width":4} {"data":"é"}"#;
        for cut in 0..text.len() {
            let mut decoder = InputDecoder::default();
            let mut inputs = decoder.push(&text.as_bytes()[..cut]).unwrap();
            inputs.extend(decoder.push(&text.as_bytes()[cut..]).unwrap());
            assert_eq!(inputs.len(), 3, "cut at {cut}");
            assert_eq!(inputs[0].data, "ls\r");
            assert_eq!((inputs[1].height, inputs[1].width), (Some(3), Some(4)));
            assert_eq!(inputs[2].data, "é");
        }
    }

    #[test]
    fn garbage_is_refused() {
        assert!(InputDecoder::default().push(b"ls -l").is_err());
    }

    #[test]
    fn the_first_frame_has_its_length_in_front() {
        let frame =
            encode_init(&Init { id: Uuid::nil(), height: 24, width: 80, command: String::new() }).unwrap();
        assert_eq!(usize::from(u16::from_le_bytes([frame[0], frame[1]])), frame.len() - 2);
        assert!(std::str::from_utf8(&frame[2..]).unwrap().contains(r#""Height":24"#));
    }
}
