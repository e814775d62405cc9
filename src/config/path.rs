//! Paths of keys into a record: a text of the file enters, keys leave, or what is wrong with it.

use super::document::Value;
use super::error::ConfigError;

/// The keys on the way from the top of a record to a value.
pub type KeyPath = Vec<String>;

/// One path or a list of at most `most`, each well formed; `example` shows how one is written.
pub(super) fn read_paths(value: &Value, example: &str, most: usize) -> Result<Vec<KeyPath>, ConfigError> {
    let texts = match value.texts() {
        Some(texts) => texts?,
        None => vec![value.text(example)?],
    };
    if texts.is_empty() || texts.len() > most {
        return Err(value.refuse(format!("'{}' has {} paths: write 1 to {most}", value.key, texts.len())));
    }
    texts.iter().map(|text| read_path(text).ok_or_else(|| refusal(value, text))).collect()
}

/// Why a text is no path.
pub(super) fn refusal(value: &Value, text: &str) -> ConfigError {
    let text = crate::label::clean(text);
    value.refuse(format!(
        "'{}' has the path '{text}': write keys with a dot between, such as \"metadata.cost_center\"; a key with a dot in double quotes",
        value.key
    ))
}

/// `a.b`, `a."b.c"`: the keys on the way; `None` for one without letters, or quotes that do not close.
pub(super) fn read_path(text: &str) -> Option<KeyPath> {
    let mut keys = Vec::new();
    let mut rest = text;
    loop {
        let (key, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        if key.is_empty() || key.contains('"') {
            return None;
        }
        keys.push(key.to_owned());
        match behind.strip_prefix('.') {
            Some(next) => rest = next,
            None => return behind.is_empty().then_some(keys),
        }
    }
}

/// How a path is spelled.
#[must_use]
pub fn spell_path(keys: &[String]) -> String {
    let spelled = keys.iter().map(|key| if key.contains('.') { format!("\"{key}\"") } else { key.clone() });
    spelled.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_keys_with_dots_between() {
        let keys = |text: &str| read_path(text);
        assert_eq!(keys("a"), Some(vec!["a".to_owned()]));
        assert_eq!(keys("a.b c.ö"), Some(["a", "b c", "ö"].map(str::to_owned).to_vec()));
        assert_eq!(keys("a.\"b.c\".d"), Some(["a", "b.c", "d"].map(str::to_owned).to_vec()));
        for none in ["", ".", "a.", ".a", "a..b", "\"a", "\"\"", "\"a\"b", "a\"b"] {
            assert_eq!(keys(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn a_path_that_is_spelled_reads_back(keys in prop::collection::vec("[a-z .]{1,6}", 1..5)) {
            prop_assert_eq!(read_path(&spell_path(&keys)), Some(keys));
        }
    }
}
