//! The table of figures: measured values and budgets enter, lines with a verdict leave as they come.

/// Whether more is better.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    AtMost,
    AtLeast,
}

/// Lines so far, and how many missed their budget.
#[derive(Default)]
pub struct Table {
    missed: u32,
}

impl Table {
    pub fn head() -> Table {
        println!("{:<62} {:>10} {:>12}  verdict", "what", "measured", "budget");
        Table::default()
    }

    pub fn line(&mut self, what: &str, measured: f64, bound: Bound, budget: f64, unit: &str) {
        let (sign, holds) = match bound {
            Bound::AtMost => ("<=", measured <= budget),
            Bound::AtLeast => (">=", measured >= budget),
        };
        self.missed += u32::from(!holds);
        let verdict = if holds { "PASS" } else { "FAIL" };
        println!("{what:<62} {measured:>10.2} {:>12}  {verdict}  {unit}", format!("{sign} {budget}"));
    }

    /// A figure without a budget.
    pub fn note(what: &str, measured: f64, unit: &str) {
        println!("{what:<62} {measured:>10.2} {:>12}        {unit}", "");
    }

    /// A sum that must be exact.
    pub fn exact(&mut self, what: &str, verdict: &Result<(), String>) {
        self.missed += u32::from(verdict.is_err());
        match verdict {
            Ok(()) => println!("{what:<62} {:>10} {:>12}  PASS", "exact", "exact"),
            Err(why) => println!("{what:<62} {:>10} {:>12}  FAIL  {why}", "wrong", "exact"),
        }
    }

    pub fn missed(&self) -> u32 {
        self.missed
    }
}
