//! Lines that hold other than one value: objects written one behind the other, as Firehose puts records into a file, or the elements of a
//! list that has a line for each. A line enters, its objects leave, each checked to its end.

use super::scanner::Scanner;

/// The objects of a line that are still to come.
#[derive(Clone, Debug)]
pub(super) struct Objects<'a> {
    rest: &'a [u8],
}

impl<'a> Objects<'a> {
    /// `None` if the line is something else: one object alone, a list, or what is not whole.
    pub(super) fn of(line: &'a [u8]) -> Option<Objects<'a>> {
        let line = trimmed(line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line));
        let (opens, rest) = line.strip_prefix(b"[").map_or((false, line), |rest| (true, rest));
        let (closes, rest) = rest.strip_suffix(b"]").map_or((false, rest), |rest| (true, rest));
        let goes_on = trimmed(rest).ends_with(b",");
        // What opens a list without going on broke off, and what opens and closes one is a list.
        if opens && !goes_on || closes && goes_on {
            return None;
        }
        let objects = Objects { rest: trimmed(rest) };
        let mut ahead = objects.clone();
        let count = ahead.by_ref().count();
        (ahead.rest.is_empty() && (count > 1 || count == 1 && (goes_on || closes))).then_some(objects)
    }
}

impl<'a> Iterator for Objects<'a> {
    type Item = &'a [u8];

    /// The next object; `None` behind the last, or before what is none.
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.first() != Some(&b'{') {
            return None;
        }
        let object = Scanner::new(self.rest).span().ok()?;
        let rest = trimmed(self.rest.get(object.len()..)?);
        self.rest = rest.strip_prefix(b",").map_or(rest, trimmed);
        Some(object)
    }
}

/// Without the blanks of JSON around it.
fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] | [rest @ .., b' ' | b'\t' | b'\r' | b'\n'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Vec<&str>> {
        Some(Objects::of(line.as_bytes())?.map(|object| std::str::from_utf8(object).unwrap()).collect())
    }

    #[test]
    fn objects_behind_each_other_and_elements_of_a_list() {
        for (line, expected) in [
            (r#"{"a":1}{"b":2}"#, vec![r#"{"a":1}"#, r#"{"b":2}"#]),
            ("\u{feff}{\"a\":1} , {} \r\n", vec![r#"{"a":1}"#, "{}"]),
            ("{\"a\":\"}{\"},\n", vec![r#"{"a":"}{"}"#]),
            ("[{\"a\":1}, \n", vec![r#"{"a":1}"#]),
            (" {\"a\":[1]}]\n", vec![r#"{"a":[1]}"#]),
            ("[ {} , {} ,", vec!["{}", "{}"]),
        ] {
            assert_eq!(read(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn what_is_not_whole_is_not_read_in_part() {
        for line in [
            "",
            "{}",
            "{}{}\u{c}",
            "[]",
            "[",
            "]",
            ",",
            "{},,",
            "{}{",
            "{}x",
            "{}[]",
            "{}1",
            "[{}]",
            "[{}{}]",
            "[{},{}",
            "{},]",
            "[{},]",
            r#"{"a":[1]"#,
            r#"{"a":1"#,
            r#"{"a":1}{"b":2"#,
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
