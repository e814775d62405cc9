use super::super::number;
use super::bytes::*;
use super::*;
use proptest::prelude::*;

fn check(line: &[u8]) -> Result<(), Stop> {
    let mut scanner = Scanner::new(line);
    scanner.skip()?;
    scanner.end()
}

#[test]
fn whole_lines_pass() {
    for line in [
        r#"{"a":[1,-2.5e+7,{"b":"c\"\\\u00e9"},[],{}],"d":null,"e":true,"f":false}"#,
        " \t{ \"a\" : [ 1 , 2 ] } \r\n",
        "\u{feff}{}",
        r#""text""#,
        "0",
        r#"{"a":NaN,"b":-Infinity}"#,
        "{\"raw\":\"tab\there\"}",
    ] {
        assert_eq!(check(line.as_bytes()), Ok(()), "{line}");
    }
    assert_eq!(check(b"{\"bad utf-8\":\"\xff\xfe\"}"), Ok(()));
}

#[test]
fn broken_lines_do_not() {
    for line in [
        "",
        "{",
        "}",
        r#"{"a":1"#,
        r#"{"a":1]"#,
        "[1}",
        r#"{"a":[1}]"#,
        r#"{"a":1,}"#,
        r#"{"a":1 "b":2}"#,
        r#"{"a" 1}"#,
        "{a:1}",
        r#"{"a":}"#,
        r#"{"a":1}x"#,
        r#"{"a":1}{"#,
        "[1,,2]",
        "[1,]",
        r#"{"a":tru}"#,
        r#"{"a":01}"#,
        r#"{"a":1.}"#,
        r#"{"a":.5}"#,
        r#"{"a":1e}"#,
        r#"{"a":-}"#,
        r#"{"a":"\q"}"#,
        r#"{"a":"\u12g4"}"#,
        r#"{"a":"unclosed}"#,
        r#"{"a":"unclosed\"}"#,
        r#"{"a":"unclosed\"#,
        "1 2",
    ] {
        assert_eq!(check(line.as_bytes()), Err(Stop::Syntax), "{line}");
    }
}

#[test]
fn nesting_ends_at_sixty_four() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert_eq!(check(nested(64).as_bytes()), Ok(()));
    assert_eq!(check(nested(65).as_bytes()), Err(Stop::Depth));
    let inside = format!("{{\"a\":{}}}", nested(64));
    let walked = Scanner::new(inside.as_bytes()).object(|_, value| value.skip());
    assert_eq!(walked, Err(Stop::Depth));
}

#[test]
fn members_come_with_their_keys_resolved() {
    let mut seen = Vec::new();
    let line = br#"{"us\u0061ge": {"x":[1]}, "b": "t\n", "c": 5, "d": true}"#;
    let was_object = Scanner::new(line)
        .object(|key, value| {
            seen.push((String::from_utf8_lossy(key).into_owned(), value.scalar()?));
            Ok(())
        })
        .expect("whole");
    assert!(was_object);
    assert_eq!(
        seen,
        [
            ("usage".to_owned(), Scalar::Nested),
            ("b".to_owned(), Scalar::Text(RawText::escaped(br"t\n"))),
            ("c".to_owned(), Scalar::Number(b"5")),
            ("d".to_owned(), Scalar::True),
        ]
    );
}

proptest! {
    /// Quotes and backslashes at every distance from the start, so that words, tails and long searches all meet them.
    #[test]
    fn strings_end_where_serde_says(text in "[a\"\\\\\u{e9}]{0,80}") {
        let line = serde_json::to_string(&text).unwrap();
        let mut scanner = Scanner::new(line.as_bytes());
        let Scalar::Text(read) = scanner.scalar().expect("a string") else { panic!("no string") };
        prop_assert_eq!(read.bytes().into_owned(), text.into_bytes());
        prop_assert_eq!(scanner.end(), Ok(()));
    }

    #[test]
    fn what_is_accepted_is_what_serde_accepts(line in "[\\[\\]{}\",:a0-9.e\\-+ntrue\\\\]{0,24}") {
        let serde = serde_json::from_str::<serde_json::Value>(&line);
        let known = serde.as_ref().is_err_and(|error| error.to_string().starts_with("number out of range"));
        prop_assert!(known || serde.is_ok() == check(line.as_bytes()).is_ok(), "{} {:?}", line, serde);
    }
}

proptest! {
    #[test]
    fn what_is_read_on_the_way_is_what_a_second_look_says(text in "[0-9]{0,11}(\\.[0-9]{0,13})?([eE][+-]?[0-9]{0,2})?|-?0*[0-9.]{0,8}|\"[0-9.]{0,9}\"|null|true|\\[1\\]", tail in "[ ,}0-9.eE]?") {
        let line = text + &tail;
        let (mut slow, mut count, mut amount) =
            (Scanner::new(line.as_bytes()), Scanner::new(line.as_bytes()), Scanner::new(line.as_bytes()));
        let (slow_value, counted, amounted) = (slow.scalar(), count.count(), amount.amount());
        prop_assert_eq!(slow_value.map(number::tokens), counted.map(number::count));
        prop_assert_eq!(slow_value.map(number::lenient), counted.map(number::lenient_count));
        prop_assert_eq!(slow_value.map(number::cost), amounted.map(number::amount));
        if slow_value.is_ok() {
            prop_assert_eq!((slow.at, slow.at), (count.at, amount.at));
        }
    }

    #[test]
    fn a_lead_is_passed_where_it_stands_and_nowhere_else(key in "[a-z_]{0,28}", is_first: bool, other in "[,\":a-z_ ]{0,40}", tail in "[0-9]{0,40}") {
        let lead = Lead::new(key.as_bytes(), is_first);
        let spelled = format!("{}\"{key}\":", if is_first { "" } else { "," });
        for line in [format!("{spelled}{tail}"), format!("{spelled}{other}"), format!("{other}{tail}"), spelled[..spelled.len() - 1].to_owned()] {
            let mut scanner = Scanner { line: line.as_bytes(), at: 0, depth: 0 };
            let passed = scanner.pass(&lead);
            prop_assert_eq!(passed, line.starts_with(&spelled), "{}", line);
            prop_assert_eq!(scanner.at, if passed { blanks(line.as_bytes(), spelled.len()) } else { 0 });
        }
    }
}

proptest! {
    /// Digits of any number, with anything or nothing behind them.
    #[test]
    fn digits_read_together_are_those_read_one_by_one(before in 0usize..3, text in "[0-9]{0,14}", behind in proptest::collection::vec(any::<u8>(), 0..10)) {
        let line = [vec![b'x'; before].as_slice(), text.as_bytes(), &behind].concat();
        let all = line[before..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let value = |count: usize| line[before..before + count].iter().fold(0, |sum, byte| sum * 10 + u64::from(byte - b'0'));
        prop_assert_eq!(digits(&line, before), (all.min(WORD), value(all.min(WORD))));
        let is_plain = all == 1 || all > 1 && line[before] != b'0';
        for most in [AMOUNT_DIGITS, COUNT_DIGITS] {
            let expected = (is_plain && all <= most).then(|| (value(all), before + all));
            prop_assert_eq!(short_digits(&line, before, most), expected, "{}", most);
        }
        let expected = (1..=PLACES).contains(&all).then(|| (value(all) * 10u64.pow((PLACES - all) as u32), before + all));
        prop_assert_eq!(pico(&line, before), expected);
    }
}
