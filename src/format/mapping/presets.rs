//! The mappings that are built in. A key at the top of a record enters, which of them it may be leaves.

use std::sync::LazyLock;

use super::Mapping;
use crate::config::PRESETS;
use crate::usage::Format;

/// Which of the built-in mappings a record may be meant by: one bit each, in the order in which they are tried.
pub(in crate::format) type Hints = u16;

static COMPILED: LazyLock<Vec<Mapping>> = LazyLock::new(|| PRESETS.iter().map(Mapping::built_in).collect());

/// The built-in mapping that a key at the top of a record speaks for. Each has one such key, which it cannot do without and which no
/// reader has a use for; so a record without such keys costs nothing.
pub(in crate::format) fn hint(key: &[u8]) -> Hints {
    match key {
        b"gen_ai.usage.input_tokens" => 1,
        b"ai" => 1 << 1,
        b"fallback_index" => 1 << 2,
        b"token_usage" => 1 << 3,
        b"llm_prompt_tokens" => 1 << 4,
        b"llm_summary" => 1 << 5,
        b"tokens_in" => 1 << 6,
        b"usageDetails" => 1 << 7,
        b"request_created_at" => 1 << 8,
        b"req_units" => 1 << 9,
        _ => 0,
    }
}

/// All built-in mappings that `hints` speak for, the first one first.
pub(in crate::format) fn hinted(hints: Hints) -> impl Iterator<Item = &'static Mapping> {
    COMPILED.iter().enumerate().filter(move |(place, _)| hints & 1 << place != 0).map(|(_, mapping)| mapping)
}

/// The built-in mapping of that format.
pub(in crate::format) fn of(format: Format) -> Option<&'static Mapping> {
    COMPILED.iter().find(|mapping| mapping.format() == format)
}

/// Those that others have the names of.
pub(super) fn named_by(others: &[Mapping]) -> Hints {
    let named = |mapping: &Mapping| others.iter().any(|other| other.format == mapping.format);
    COMPILED.iter().enumerate().filter(|(_, mapping)| named(mapping)).fold(0, |hints, (place, _)| hints | 1 << place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mapping_cannot_do_without_its_key() {
        assert!(PRESETS.len() <= Hints::BITS as usize);
        for (place, preset) in PRESETS.iter().enumerate() {
            let needed = preset.has.iter().chain(preset.when.iter().map(|test| &test.path));
            let hints = needed.fold(0, |hints, path| hints | hint(path[0].as_bytes()));
            assert_eq!(hints, 1 << place, "{}", preset.name);
        }
    }
}
