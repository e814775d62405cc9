//! Paths of keys into a record: a tree of keys enters, what stands at the end of each path leaves, after one walk.

use super::scanner::{Scalar, Scanner, Stop};
use crate::usage::RawText;

/// A tree of keys. Each path has a slot: the place of its value.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    root: Node,
    slots: usize,
}

#[derive(Clone, Debug, Default)]
struct Node {
    key: Box<[u8]>,
    /// The paths that end here.
    ends: Vec<usize>,
    below: Vec<Node>,
}

impl Paths {
    /// A slot for the value at `path`. The same path added again has another one.
    pub(super) fn add(&mut self, path: &[String]) -> usize {
        self.root.below(path).ends.push(self.slots);
        self.slots += 1;
        self.slots - 1
    }

    /// Reads the object ahead into `found`, one value for each slot, null where there is none; anything else is passed over. An array
    /// counts as its first text that is not empty. Of members with one name the last counts. `note` hears each key at the top, with the
    /// cursor on its value.
    pub(super) fn read<'a>(
        &self,
        record: &mut Scanner<'a>,
        found: &mut [Scalar<'a>],
        mut note: impl FnMut(&[u8], &Scanner<'a>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        record.object(|key, value| {
            note(key, value)?;
            self.root.member(key, value, found)
        })?;
        Ok(())
    }

    /// What stands at paths that go on into a text which is an object itself, as a proxy's database keeps metadata: read into what
    /// [`Paths::read`] found in `record`, unescaped in `room`.
    pub(super) fn read_encoded<'a>(&self, record: &'a [u8], room: &'a mut Vec<u8>, found: &mut [Scalar<'a>]) {
        let mut texts = Vec::new();
        // Walked to its end before.
        if self.root.encoded(&mut Scanner::new(record), &mut texts).is_err() || texts.is_empty() {
            return;
        }
        let mut ends = Vec::with_capacity(texts.len());
        for (_, text) in &texts {
            text.append_to(room);
            ends.push(room.len());
        }
        let mut rest: &'a [u8] = room;
        let mut begun = 0;
        for ((node, _), end) in texts.into_iter().zip(ends) {
            let (text, others) = rest.split_at(end - begun);
            (rest, begun) = (others, end);
            let mut scanner = Scanner::new(text);
            let walked = scanner.object(|key, value| node.member(key, value, found));
            if walked.and_then(|_| scanner.end()).is_err() {
                node.below.iter().for_each(|node| node.forget(found));
            }
        }
    }
}

impl Node {
    /// The node that `path` leads to, made where it is missing.
    fn below(&mut self, path: &[String]) -> &mut Node {
        let Some((key, rest)) = path.split_first() else { return self };
        let place = self.below.iter().position(|node| *node.key == *key.as_bytes()).unwrap_or_else(|| {
            self.below.push(Node { key: key.as_bytes().into(), ..Node::default() });
            self.below.len() - 1
        });
        self.below[place].below(rest)
    }

    fn member<'a>(&self, key: &[u8], value: &mut Scanner<'a>, found: &mut [Scalar<'a>]) -> Result<(), Stop> {
        match self.below.iter().find(|node| *node.key == *key) {
            Some(node) => {
                node.forget(found);
                node.read(value, found)
            }
            None => value.skip(),
        }
    }

    /// Finds the texts that are objects themselves, where paths go on into them.
    fn encoded<'a, 'p>(
        &'p self,
        value: &mut Scanner<'a>,
        texts: &mut Vec<(&'p Node, RawText<'a>)>,
    ) -> Result<(), Stop> {
        value.object(|key, value| {
            let Some(node) = self.below.iter().find(|node| *node.key == *key && !node.below.is_empty()) else {
                return value.skip();
            };
            texts.retain(|(known, _)| !std::ptr::eq(*known, node));
            match value.peek() {
                Some(b'{') => node.encoded(value, texts),
                Some(b'"') if value.is_text_of(b"{") => {
                    texts.push((node, value.text()?));
                    Ok(())
                }
                _ => value.skip(),
            }
        })?;
        Ok(())
    }

    /// Reads the value ahead and what stands below it.
    fn read<'a>(&self, value: &mut Scanner<'a>, found: &mut [Scalar<'a>]) -> Result<(), Stop> {
        if value.peek() == Some(b'{') && !self.below.is_empty() {
            value.object(|key, value| self.member(key, value, found))?;
            self.ends.iter().for_each(|end| found[*end] = Scalar::Nested);
        } else if self.ends.is_empty() {
            value.skip()?;
        } else {
            let scalar = scalar(value)?;
            self.ends.iter().for_each(|end| found[*end] = scalar);
        }
        Ok(())
    }

    fn forget(&self, found: &mut [Scalar<'_>]) {
        self.ends.iter().for_each(|end| found[*end] = Scalar::Null);
        self.below.iter().for_each(|node| node.forget(found));
    }
}

fn scalar<'a>(value: &mut Scanner<'a>) -> Result<Scalar<'a>, Stop> {
    if value.peek() != Some(b'[') {
        return value.scalar();
    }
    let mut first = Scalar::Nested;
    value.array(|element| {
        let scalar = element.scalar()?;
        if let Scalar::Text(text) = scalar
            && first == Scalar::Nested
            && !text.is_empty()
        {
            first = scalar;
        }
        Ok(())
    })?;
    Ok(first)
}
