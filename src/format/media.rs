//! What the details of a usage say of media: objects of counts (`audio_tokens`, …) or Gemini's lists of modalities enter, [`Media`] leaves.

use crate::usage::{ByMedium, Media, Medium, Rejection, Tokens};

use super::number;
use super::scanner::{Scalar, Scanner, Stop};

/// The counts of one details object or list.
#[derive(Clone, Copy, Default)]
pub(super) struct Parts {
    counts: ByMedium,
    /// Some count is not zero, if only that of text.
    is_said: bool,
    /// Some count is none.
    is_broken: bool,
}

impl Parts {
    /// Takes the value ahead if the key counts a medium or text; `false`: nothing was read.
    pub(super) fn take(&mut self, key: &[u8], value: &mut Scanner<'_>) -> Result<bool, Stop> {
        let medium = match key {
            b"audio_tokens" => Some(Medium::Audio),
            b"image_tokens" => Some(Medium::Image),
            b"video_tokens" => Some(Medium::Video),
            b"text_tokens" => None,
            _ => return Ok(false),
        };
        let count = self.count(value.scalar()?);
        if let Some(medium) = medium {
            self.counts[medium as usize] = count;
        }
        Ok(true)
    }

    /// The object ahead, all of whose members may count.
    pub(super) fn object(value: &mut Scanner<'_>) -> Result<Parts, Stop> {
        let mut parts = Parts::default();
        value.object(|key, value| if parts.take(key, value)? { Ok(()) } else { value.skip() })?;
        Ok(parts)
    }

    /// The list ahead: `[{"modality": "AUDIO", "tokenCount": 12}, …]`. Documents are text.
    pub(super) fn modalities(value: &mut Scanner<'_>) -> Result<Parts, Stop> {
        let mut parts = Parts::default();
        value.array(|element| {
            let (mut modality, mut count) = (Scalar::Null, Scalar::Null);
            element.object(|key, value| {
                match key {
                    b"modality" => modality = value.scalar()?,
                    b"tokenCount" | b"token_count" => count = value.scalar()?,
                    _ => value.skip()?,
                }
                Ok(())
            })?;
            let count = parts.count(count);
            let name = modality.text().bytes();
            let medium = Medium::ALL.into_iter().find(|medium| name.eq_ignore_ascii_case(medium.name().as_bytes()));
            if let Some(medium) = medium {
                let sum = &mut parts.counts[medium as usize];
                *sum = sum.checked_add(count).unwrap_or_else(|| {
                    parts.is_broken = true;
                    0
                });
            }
            Ok(())
        })?;
        Ok(parts)
    }

    /// Counts that stand apart, in the order of [`Medium::ALL`], and that of text.
    pub(super) fn counted(media: [Scalar<'_>; Medium::COUNT], text: Scalar<'_>) -> Parts {
        let mut parts = Parts::default();
        parts.counts = media.map(|value| parts.count(value));
        parts.count(text);
        parts
    }

    /// These and others of the same prompt.
    pub(super) fn and(mut self, other: Parts) -> Parts {
        for (sum, count) in self.counts.iter_mut().zip(other.counts) {
            let both = sum.checked_add(count);
            self.is_broken |= both.is_none();
            *sum = both.unwrap_or(0);
        }
        self.is_said |= other.is_said;
        self.is_broken |= other.is_broken;
        self
    }

    fn count(&mut self, value: Scalar<'_>) -> u32 {
        let count = number::tokens(value);
        self.is_broken |= count.is_err();
        let count = count.unwrap_or(0);
        self.is_said |= count > 0;
        count
    }
}

/// The parts of `tokens`: of a prompt that includes what was cached, of what was cached where that is said, of the output.
pub(super) fn of(prompt: Parts, cached: Parts, output: Parts, tokens: &Tokens) -> Result<Media, Rejection> {
    if prompt.is_broken || cached.is_broken || output.is_broken {
        return Err(Rejection::Number);
    }
    let mut media = Media { output: output.counts, is_split: output.is_said, ..Media::default() };
    if prompt.counts != ByMedium::default() {
        media.split_prompt(prompt.counts, cached.is_said.then_some(cached.counts), tokens);
    }
    Ok(media)
}
