//! Paths of keys into a record: a tree of keys enters, what stands at the end of each path leaves, after one walk.

use super::scanner::{Scalar, Scanner, Stop};

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
