//! JSON values written over many lines. Lines enter in the order of the file, whole values leave with the place where they begin. A value
//! begins with a line that is nothing but its bracket, and everything in it is indented, as every printer for people writes it. What
//! holds no fact, a long text, is not kept on the way.

/// Texts longer than this are a prompt or an answer: what stands for them is empty.
const LONGEST_TEXT: usize = 1024;

/// A value that goes on in a later line.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) offset: u64,
    pub(super) text: Vec<u8>,
    /// Brackets that are open.
    depth: u64,
    /// Too long: its lines are passed over, to its end.
    pub(super) given_up: bool,
}

/// What became of a line.
pub(in crate::format) enum Framed {
    /// It belongs to no value of many lines.
    Alone,
    /// It is kept, or belongs to what was given up.
    Held,
    /// With it this value is whole, which begins at that offset.
    Whole(u64, Vec<u8>),
    /// With it the value that begins at that offset is longer than a line may be.
    TooLong(u64),
    /// The value that began at that offset broke off before it, and it stands alone.
    Torn(u64),
    /// In it the value that began at that offset broke off.
    Broken(u64),
}

/// The bracket of a line that opens a value and holds nothing else; some editors put a byte order mark before it.
fn opens(line: &[u8]) -> Option<u8> {
    match line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii_end() {
        [bracket @ (b'{' | b'[')] => Some(*bracket),
        _ => None,
    }
}

/// Whether a line can stand inside of a value: it is indented, closes it, or is blank.
fn is_inside(line: &[u8]) -> bool {
    matches!(line.first(), None | Some(b' ' | b'\t' | b'}' | b']' | b'\r' | b'\n'))
}

/// Whether a text begins as an object does: metadata that a database keeps as text, a record that a log wraps.
fn is_object(text: &[u8]) -> bool {
    [&b"{"[..], b"\\u007b", b"\\u007B"].iter().any(|brace| text.starts_with(brace))
}

/// Takes the next line; `held` is the value it may belong to.
pub(super) fn frame(held: &mut Option<Value>, limit: u64, offset: u64, line: &[u8]) -> Framed {
    let Some(value) = held else {
        let Some(bracket) = opens(line) else { return Framed::Alone };
        *held = Some(Value::new(offset, bracket));
        return Framed::Held;
    };
    let begun = value.offset;
    // What was given up has been told.
    let told = value.given_up;
    if !is_inside(line) {
        // A list whose elements have lines of their own: its bracket says nothing.
        let told = told || value.text == b"[" && line.starts_with(b"{");
        *held = opens(line).map(|bracket| Value::new(offset, bracket));
        return match (told, held.is_some()) {
            (false, _) => Framed::Torn(begun),
            (true, true) => Framed::Held,
            (true, false) => Framed::Alone,
        };
    }
    if !value.push(line) {
        *held = None;
        return if told { Framed::Held } else { Framed::Broken(begun) };
    }
    let is_too_long = !value.given_up && offset + line.len() as u64 - begun > limit;
    if is_too_long {
        value.give_up();
    }
    let is_over = value.depth == 0;
    let whole = if is_over { held.take().filter(|value| !value.given_up) } else { None };
    match whole {
        Some(value) => Framed::Whole(begun, value.text),
        None if is_too_long => Framed::TooLong(begun),
        None => Framed::Held,
    }
}

impl Value {
    fn new(offset: u64, bracket: u8) -> Value {
        Value { offset, text: vec![bracket], depth: 1, given_up: false }
    }

    /// Adds a line, its long texts left out; `false` if it is none of a value's: a text in it has no end, or a bracket is too many.
    fn push(&mut self, line: &[u8]) -> bool {
        let mut at = 0;
        let mut kept = 0;
        while let Some(&byte) = line.get(at) {
            at += 1;
            match byte {
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => match self.depth.checked_sub(1) {
                    Some(depth) => self.depth = depth,
                    None => return false,
                },
                b'"' => {
                    let begin = at;
                    loop {
                        match memchr::memchr2(b'"', b'\\', &line[at..]) {
                            Some(next) if line[at + next] == b'"' => break at += next,
                            Some(next) if at + next + 2 <= line.len() => at += next + 2,
                            _ => return false,
                        }
                    }
                    if at - begin > LONGEST_TEXT && !is_object(&line[begin..at]) {
                        self.keep(&line[kept..begin]);
                        kept = at;
                    }
                    at += 1;
                }
                _ => {}
            }
        }
        self.keep(&line[kept..]);
        true
    }

    fn keep(&mut self, bytes: &[u8]) {
        if !self.given_up {
            self.text.extend_from_slice(bytes);
        }
    }

    pub(super) fn give_up(&mut self) {
        self.given_up = true;
        self.text = Vec::new();
    }
}
