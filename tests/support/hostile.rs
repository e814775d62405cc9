//! Five hundred strings that try to leave their place: the terminal's, the table's, the line's, the shell's. Made, not collected, so that
//! every control character and every way of ending a sequence is among them.

/// What a string starts: an operating system command, a device control string, a privacy message and so on, with what they would do.
const STRINGS: [(&str, &str); 18] = [
    ("\u{1b}]", "0;pwned-title"),
    ("\u{1b}]", "1;pwned-icon"),
    ("\u{1b}]", "2;pwned-title"),
    ("\u{1b}]", "4;1;rgb:00/00/00"),
    ("\u{1b}]", "8;;http://evil.example"),
    ("\u{1b}]", "9;pwned-notification"),
    ("\u{1b}]", "10;?"),
    ("\u{1b}]", "52;c;cHduZWQ="),
    ("\u{1b}]", "52;c;?"),
    ("\u{1b}]", "133;A"),
    ("\u{1b}]", "777;notify;pwned;pwned"),
    ("\u{1b}]", "1337;File=inline=1:cHduZWQ="),
    ("\u{1b}P", "$qm"),
    ("\u{1b}P", "tmux;\u{1b}\u{1b}]52;c;cHduZWQ=\u{7}"),
    ("\u{1b}P", "q#0;2;0;0;0#0~~"),
    ("\u{1b}_", "Gf=100;cHduZWQ="),
    ("\u{1b}^", "private"),
    ("\u{1b}X", "string"),
];

/// How such a string may end: as a terminal asks, in eight bits, by another escape, or not at all.
const ENDS: [&str; 5] = ["\u{7}", "\u{1b}\\", "\u{9c}", "\u{18}", ""];

/// The same begun in one character.
const EIGHT_BIT: [(&str, &str); 5] =
    [("\u{1b}]", "\u{9d}"), ("\u{1b}P", "\u{90}"), ("\u{1b}_", "\u{9f}"), ("\u{1b}^", "\u{9e}"), ("\u{1b}X", "\u{98}")];

/// Commands to the screen, behind `ESC [`.
const COMMANDS: [&str; 24] = [
    "2J",
    "3J",
    "H",
    "1;1H",
    "31m",
    "8m",
    "0c",
    ">c",
    "6n",
    "5n",
    "21t",
    "8;1;1t",
    "?1049h",
    "?1049l",
    "?25l",
    "?1000h",
    "?2004l",
    "?2026h",
    "4h",
    "20h",
    "r",
    "1000S",
    "!p",
    "1000000000b",
];

/// Characters that are seen by nobody and change what everybody sees.
const UNSEEN: [char; 30] = [
    '\u{ad}',
    '\u{600}',
    '\u{61c}',
    '\u{6dd}',
    '\u{70f}',
    '\u{180e}',
    '\u{200b}',
    '\u{200c}',
    '\u{200d}',
    '\u{200e}',
    '\u{200f}',
    '\u{2028}',
    '\u{2029}',
    '\u{202a}',
    '\u{202b}',
    '\u{202c}',
    '\u{202d}',
    '\u{202e}',
    '\u{2060}',
    '\u{2061}',
    '\u{2066}',
    '\u{2067}',
    '\u{2068}',
    '\u{2069}',
    '\u{feff}',
    '\u{fff9}',
    '\u{e0001}',
    '\u{e0041}',
    '\u{e000}',
    '\u{10fffd}',
];

/// What breaks out of a line, a table, a document, a shell or a path.
const OUTBREAKS: [&str; 44] = [
    "x\ny",
    "x\r\ny",
    "x\ry",
    "x\u{85}y",
    "x\u{b}y",
    "x\u{c}y",
    "\n2026-01-01T00:00:00Z alarm forged",
    "\r\nSet-Cookie: a=b",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\u{ff1d}1",
    "=HYPERLINK(\"http://evil\",\"x\")",
    "a|b",
    "| a | b |",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "`code`",
    "**bold**",
    "\\|",
    "a\"b",
    "a\\\"b",
    "a\\",
    "\",\"cost_usd\":\"999",
    "\"}\n{\"model\":\"x\",\"cost_usd\":9",
    "a\"} 9\nforged_total{x=\"",
    "a\\nb",
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "| touch pwned",
    "&& touch pwned",
    "'; touch pwned; '",
    "\"; touch pwned; \"",
    "> pwned",
    "${IFS}touch${IFS}pwned",
    "../../../../etc/passwd",
    "/dev/tty",
    "%s%n%x",
    "{0}{}",
    "#[fg=red]#(touch pwned)",
];

/// Every field of the own format that is text, but for those that say what a line is, and a label of the operator's.
pub const FIELDS: [&str; 23] = [
    "user",
    "team",
    "project",
    "feature",
    "agent",
    "host",
    "key",
    "session_id",
    "request_id",
    "response_id",
    "call_id",
    "retry_of",
    "provider",
    "model",
    "tier",
    "region",
    "data_residency",
    "vertex_location",
    "inference_geo",
    "speed",
    "stop_reason",
    "end_user",
    "cost_center",
];

/// Five hundred of them, and a few more.
pub fn strings() -> Vec<String> {
    let mut all = Vec::new();
    let controls = (0..=0x1f_u8).chain([0x7f]).chain(0x80..=0x9f).map(char::from);
    for control in controls {
        all.extend([
            format!("{control}"),
            format!("{control}first"),
            format!("mid{control}dle"),
            format!("twice{control}{control}"),
        ]);
    }
    for (begin, what) in STRINGS {
        let eight_bit = EIGHT_BIT.iter().find(|(seven, _)| *seven == begin).map(|(_, eight)| *eight);
        for end in ENDS {
            all.push(format!("a{begin}{what}{end}b"));
        }
        all.extend(eight_bit.map(|begin| format!("a{begin}{what}\u{9c}b")));
    }
    for command in COMMANDS {
        all.extend([format!("a\u{1b}[{command}b"), format!("a\u{9b}{command}b"), format!("\u{1b}\u{1b}[{command}")]);
    }
    for unseen in UNSEEN {
        all.extend([format!("use{unseen}r"), format!("{unseen}{unseen}")]);
    }
    all.extend(OUTBREAKS.map(str::to_owned));
    // Long, wide, stacked, and of characters that are one to the eye.
    all.push("x".repeat(10_000));
    all.push("\u{1b}[31m".repeat(2_000));
    all.push(format!("e{}", "\u{301}".repeat(400)));
    all.push("漢".repeat(300));
    all.push("👩\u{200d}👩\u{200d}👧\u{200d}👦".repeat(60));
    all.push("🇩🇪".repeat(100));
    all.push("\u{1f3fb}\u{fe0f}\u{20e3}".to_owned());
    all.push("ᄒ".repeat(200));
    all.push(" ".repeat(200));
    all.push("(other)".to_owned());
    all.push("(none)".to_owned());
    assert!(all.len() >= 500, "{}", all.len());
    all
}

/// Bytes that no JSON holds and no UTF-8: put between quotes as they are.
pub fn raw() -> Vec<&'static [u8]> {
    vec![
        b"\x1b]0;pwned-title\x07",
        b"\x9b31m",
        b"\x9d0;pwned-title\x9c",
        b"\x90tmux;\x1b\x1b]52;c;cHduZWQ=\x07\x9c",
        b"\xc0\x9b\xc0\x9b",
        b"\xe0\x80\x9b2J",
        b"\xf0\x80\x80\x9b2J",
        b"\xed\xa0\x9b\xed\xb0\x80",
        b"\xf4\x90\x80\x80",
        b"\xff\xfe\x1b\x00[\x00",
        b"\xc2",
        b"\xc2\x9b31m",
        b"a\x00b",
        b"\x08\x08\x08",
    ]
}

/// A text as it stands between the quotes of JSON.
pub fn escaped(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted[1..quoted.len() - 1].to_owned()
}

/// A line that begins with `head` and has every field; `inside` tells what stands between the quotes of each.
pub fn line(head: &str, inside: impl Fn(&str) -> Vec<u8>) -> Vec<u8> {
    let fields = FIELDS.iter().map(|field| [format!(",\"{field}\":\"").as_bytes(), &inside(field), b"\""].concat());
    [head.as_bytes(), &fields.collect::<Vec<_>>().concat(), b"}\n"].concat()
}

/// In JSON, escaped so that only a parser sees it: lone surrogates among them, which no string can hold.
pub const ESCAPED: [&str; 8] = [
    r"\u001b]0;pwned-title\u0007",
    r"\u009b2J",
    r"\ud800",
    r"\udc00\ud800",
    r"\u0000",
    r"\u202egnp.exe",
    r"\uDBFF\uDFFD",
    r"\ud83d\u001b[31m",
];

/// The first character that may stand in no output: what moves a cursor, turns text around, or is seen by nobody. A joiner between two
/// parts of an emoji is none; neither are line ends that the output itself made.
pub fn refused(text: &str) -> Option<(usize, char)> {
    let letters: Vec<char> = text.chars().collect();
    let is_picture = |c: Option<&char>| {
        c.is_some_and(|c| matches!(c, '\u{2190}'..='\u{2bff}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}'))
    };
    letters.iter().enumerate().find_map(|(at, c)| {
        let joins = *c == '\u{200d}' && at > 0 && is_picture(letters.get(at - 1)) && is_picture(letters.get(at + 1));
        let bad = match c {
            '\n' => false,
            c if c.is_control() => true,
            '\u{200d}' => !joins,
            c => UNSEEN.contains(c) || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e000}'..='\u{f8ff}'),
        };
        bad.then_some((at, *c))
    })
}

/// Panics where something in `text` may not be there; `what` says which output it is.
#[track_caller]
pub fn assert_harmless(what: &str, text: &str) {
    if let Some((at, c)) = refused(text) {
        let around: String = text.chars().skip(at.saturating_sub(60)).take(120).collect();
        panic!("{what}: {c:?} in {around:?}");
    }
    for word in ["\u{1b}", "pwned-title\u{7}"] {
        assert!(!text.contains(word), "{what}: {word:?}");
    }
}
