//! All charges as they stand: rows are walked in the order of their numbers, rings of them at their last.

use std::io;

use super::Ledger;
use super::rings::times_of;
use super::spoken::is_void;
use crate::engine::bill::{self, Bill, Class};
use crate::engine::names::Names;
use crate::engine::rows::Row;

impl Ledger {
    /// Calls `each` for every row as it stands.
    ///
    /// # Errors
    /// The rows' file cannot be read.
    pub fn for_each_row(&mut self, mut each: impl FnMut(u32, &Row)) -> io::Result<()> {
        self.rows.for_each(|number, row| {
            each(number, row);
            Ok(())
        })
    }

    /// Every charge as it stands, with the rows behind it, in no particular order.
    ///
    /// # Errors
    /// The rows' file cannot be read, or `each` fails.
    pub fn for_each_bill(
        &mut self,
        names: &mut Names,
        mut each: impl FnMut(&Bill, &[&Class], &Names) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut rings = Vec::new();
        let (ragged, mode, spoken) = (&self.ragged, self.mode, &self.spoken);
        self.rows.for_each(|number, row| {
            if is_void(spoken, row) {
                return Ok(());
            }
            if row.next == number {
                let class = Class { number, row: *row, times: times_of(ragged, number, row) };
                let bill = bill::bill(&[&class], names, mode);
                each(&bill, &[&class], names)
            } else {
                // Rings run through ascending numbers once, so the last of a ring points back.
                if row.next < number {
                    rings.push(number);
                }
                Ok(())
            }
        })?;
        self.for_each_ring(&rings, names, each)
    }

    /// Every charge as it stands, in no particular order, for those who do not ask what is behind it.
    ///
    /// # Errors
    /// As [`Ledger::for_each_bill`].
    pub fn for_each_charge(
        &mut self,
        names: &mut Names,
        mut each: impl FnMut(&Bill, &Names) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut rings = Vec::new();
        let (mode, spoken) = (self.mode, &self.spoken);
        self.rows.for_each(|number, row| {
            if is_void(spoken, row) {
                return Ok(());
            }
            if row.next == number {
                return each(&bill::alone(number, row, mode), names);
            }
            if row.next < number {
                rings.push(number);
            }
            Ok(())
        })?;
        self.for_each_ring(&rings, names, |bill, _, names| each(bill, names))
    }

    /// The charges of the groups that these rows are of.
    fn for_each_ring(
        &mut self,
        rings: &[u32],
        names: &mut Names,
        mut each: impl FnMut(&Bill, &[&Class], &Names) -> io::Result<()>,
    ) -> io::Result<()> {
        for number in rings {
            let group = self.group(*number)?;
            for classes in bill::charges(&group, names) {
                each(&bill::bill(&classes, names, self.mode), &classes, names)?;
            }
        }
        Ok(())
    }

    /// The charge to which a row belongs, with the rows behind it; `None` where it belongs to none: counters may be void.
    ///
    /// # Errors
    /// The rows' file cannot be read, or there is no such row.
    pub fn charge_of(&mut self, number: u32, names: &mut Names) -> io::Result<Option<(Bill, Vec<Class>)>> {
        let group = self.group(number)?;
        if group.iter().any(|class| self.is_void(&class.row)) {
            return Ok(None);
        }
        let classes = bill::charges(&group, names)
            .find(|classes| classes.iter().any(|class| class.number == number))
            .ok_or_else(|| io::Error::other(format!("row {number} belongs to no charge")))?;
        let bill = bill::bill(&classes, names, self.mode);
        Ok(Some((bill, classes.into_iter().copied().collect())))
    }
}
