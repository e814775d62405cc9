//! What stood out over all lines: fates enter one by one, one sentence leaves.

use std::fmt;

use crate::output::figures::number_of;
use crate::output::text::count;
use crate::usage::Rejection;

/// How many lines and records had which fate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines, blank ones too.
    pub lines: u64,
    /// Records that are charges, alone or with others of the same request.
    pub charges: u64,
    /// Charges that share an id with an earlier one.
    pub repeats: u64,
    /// Charges without a price.
    pub unpriced: u64,
    /// Charges whose price may be wrong.
    pub doubtful: u64,
    /// Charges whose reported cost is another than the computed one.
    pub drifting: u64,
    /// Records that are not about usage.
    pub not_usage: u64,
    /// Refused records by class, in the order of [`Rejection::ALL`].
    pub rejected: [u64; Rejection::ALL.len()],
    /// Last lines without a newline that were no whole record.
    pub torn: u64,
    /// Blank lines.
    pub blank: u64,
    /// Lines that hold a part of a record that goes on.
    pub parts: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |parts: &[(u64, &str)]| {
            let said = parts.iter().filter(|(number, _)| *number > 0);
            said.map(|(number, what)| format!("{} {what}", count(*number))).collect::<Vec<_>>().join(", ")
        };
        let within = |text: String| if text.is_empty() { text } else { format!(" ({text})") };
        let of_charges = within(list(&[
            (self.repeats, "sharing an id with an earlier one"),
            (self.unpriced, "unpriced"),
            (self.doubtful, "in doubt"),
            (self.drifting, "reported and computed apart"),
        ]));
        let classes: Vec<_> = Rejection::ALL.map(|class| (self.rejected[class as usize], class.name())).to_vec();
        write!(
            f,
            "{}: {}{of_charges}, {} not usage, {} rejected{}",
            number_of(self.lines, "line", "lines"),
            number_of(self.charges, "charge", "charges"),
            count(self.not_usage),
            count(self.rejected.iter().sum()),
            within(list(&classes)),
        )?;
        let others = list(&[(self.torn, "torn"), (self.blank, "blank"), (self.parts, "parts")]);
        if !others.is_empty() {
            write!(f, ", {others}")?;
        }
        Ok(())
    }
}
