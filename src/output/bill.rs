//! The money of one line as text: its quote enters, a headline and rows leave. Each figure is the one that was used; none is computed anew.

use super::figures::{self, aligned, cost, difference, dollars, signed_percent};
use super::text::count;
use crate::engine::bill::{CostMode, drifts};
use crate::label::clean;
use crate::money::{Cost, Money};
use crate::price::rate::Ratio;
use crate::price::rules::Doubt;
use crate::price::{Amount, Quote};
use crate::usage::{Restated, Tokens, Usage};

/// One line's bill as text.
#[derive(Debug)]
pub struct Bill {
    /// What counts, and who says so.
    pub headline: String,
    /// Words and what they say, one row each; a row without a word belongs to the one above.
    pub rows: Vec<(&'static str, String)>,
    /// Nothing counts.
    pub is_unpriced: bool,
    /// The price may be wrong.
    pub is_doubtful: bool,
    /// The log's cost and the table's are apart.
    pub is_drifting: bool,
}

impl Bill {
    /// Lays a quote open. `mode` says which cost counts.
    pub fn new(quote: &Quote, usage: &Usage<'_>, mode: CostMode) -> Bill {
        let used = !usage.tokens.is_empty();
        // A gateway writes zero for what it has no price for; see the ledger's choice of the reported cost.
        let believed = usage.reported.filter(|cost| *cost > Cost::ZERO || !used || usage.cache_hit);
        let computed = quote.priced.computed.or((!used && usage.restated.is_none()).then_some(Cost::ZERO));
        let (headline, is_unpriced) = match (mode, believed, computed) {
            (CostMode::Auto | CostMode::Reported, Some(it), _) => (format!("{}, reported by the log", cost(it)), false),
            (CostMode::Auto | CostMode::Computed, _, Some(it)) if usage.restated.is_some() => {
                (format!("{}, computed before", cost(it)), false)
            }
            (CostMode::Auto | CostMode::Computed, _, Some(it)) if usage.cache_hit => {
                (format!("{}, a gateway's cache hit", cost(it)), false)
            }
            (CostMode::Auto | CostMode::Computed, _, Some(Cost::ZERO)) if !used => {
                (format!("{}, nothing used", cost(Cost::ZERO)), false)
            }
            (CostMode::Auto | CostMode::Computed, _, Some(it)) => {
                (format!("{}, computed from the table", cost(it)), false)
            }
            (CostMode::Reported, None, _) => {
                ("unpriced: the log reports no cost that counts, and --cost reported asks for one".to_owned(), true)
            }
            _ => ("unpriced".to_owned(), true),
        };
        let mut bill = Bill {
            headline: format!("charge of {headline}"),
            rows: Vec::new(),
            is_unpriced,
            is_doubtful: false,
            is_drifting: false,
        };
        if is_unpriced {
            bill.headline = format!("charge, {headline}");
        }
        bill.model(quote, usage);
        bill.price(quote, usage);
        bill.reported(usage, believed, quote.priced.computed);
        bill
    }

    fn row(&mut self, word: &'static str, text: impl Into<String>) {
        self.rows.push((word, text.into()));
    }

    fn model(&mut self, quote: &Quote, usage: &Usage<'_>) {
        let provider = usage.provider.label();
        let provider =
            if usage.provider.is_empty() { String::new() } else { format!(", provider {}", provider.as_str()) };
        let model = if usage.model.is_empty() { "none named" } else { quote.model.as_str() };
        self.row("model", format!("{model}{provider}"));
        if let Some(found) = &quote.found {
            let name = clean(&found.name);
            let table = figures::table(&found.table);
            if found.steps.is_empty() {
                self.row("price", format!("{name}, by this very name, in the {table}"));
            } else {
                self.row("price", format!("{name} in the {table}"));
                self.row("matched", figures::steps(&found.steps));
            }
        }
    }

    /// Term by term, where the table's rates made the price.
    fn price(&mut self, quote: &Quote, usage: &Usage<'_>) {
        let kept = match usage.restated {
            Some(Restated::Computed(amount)) => Some(format!(
                "{} is kept: costtop computed and printed it before, it is not priced again",
                cost(amount)
            )),
            _ if usage.cache_hit => Some(
                "nothing: the gateway answered from its own cache; its tokens count, no provider bills them".to_owned(),
            ),
            Some(Restated::Unpriced) => Some("none is kept: costtop found no price before and said so".to_owned()),
            None => None,
        };
        if let Some(kept) = kept {
            self.row("pays", kept);
            return self.tokens(&usage.tokens);
        }
        if let Some(why) = &quote.unpriced {
            let why = if usage.model.is_empty() { "the line names no model".to_owned() } else { why.to_string() };
            self.row("no price", why);
            return self.tokens(&usage.tokens);
        }
        let mut conditions = Vec::new();
        let is_known = !quote.doubts.iter().any(|doubt| matches!(doubt, Doubt::TierUnknown(_)));
        if quote.tier != "standard" && is_known {
            conditions.push(format!("those of tier {}", quote.tier));
        }
        if quote.above > 0 {
            let (prompt, above) = (count(usage.tokens.prompt()), count(quote.above));
            let verb = figures::crossing(quote.found.as_ref().map(|found| &*found.price)).1;
            let size = format!("long context: a prompt of {prompt} tokens {verb} {above}");
            conditions.push(format!("{size}, so every rate is the one from there on"));
        }
        if quote.off_peak {
            conditions.push("off-peak: those of quiet hours".to_owned());
        }
        let mut word = "rates";
        for condition in conditions {
            self.row(std::mem::take(&mut word), condition);
        }
        self.is_doubtful = !quote.doubts.is_empty();
        for doubt in &quote.doubts {
            self.row("doubt", doubt.to_string());
        }
        if quote.terms.is_empty() {
            return self.row("tokens", "none, so nothing is computed");
        }
        let mut word = "bill";
        for line in aligned(&steps(quote), &[false, true], "  ") {
            self.row(std::mem::take(&mut word), line);
        }
    }

    /// What was used, where no rate stands beside it.
    fn tokens(&mut self, tokens: &Tokens) {
        let kinds = [
            ("input", tokens.input),
            ("output", tokens.output - tokens.reasoning.min(tokens.output)),
            ("cache read", tokens.cache_read),
            ("cache write 5m", tokens.cache_write_5m),
            ("cache write 1h", tokens.cache_write_1h),
            ("reasoning", tokens.reasoning),
            ("web search", tokens.web_searches),
        ];
        let used = kinds.into_iter().filter(|(_, number)| *number > 0);
        let rows: Vec<_> = used.map(|(name, number)| vec![name.to_owned(), count(number.into())]).collect();
        let mut word = "tokens";
        if rows.is_empty() {
            self.row(word, "none");
        }
        for line in aligned(&rows, &[false, true], "  ") {
            self.row(std::mem::take(&mut word), line);
        }
    }

    fn reported(&mut self, usage: &Usage<'_>, believed: Option<Cost>, computed: Option<Cost>) {
        let Some(reported) = usage.reported else { return };
        if believed.is_none() {
            return self.row(
                "reported",
                "$0.00 is not believed: tokens were used and no gateway cache hit, so the log has no price",
            );
        }
        let Some(computed) = computed else {
            return self.row("reported", format!("{}, nothing computed beside it", cost(reported)));
        };
        if usage.tokens.is_empty() && usage.restated.is_none() {
            return self.row("reported", format!("{}, a cost without tokens", cost(reported)));
        }
        let drift = Money::from(reported) - Money::from(computed);
        if drift == Money::ZERO {
            return self.row("reported", format!("{}, the same", cost(reported)));
        }
        self.is_drifting = drifts(reported, computed);
        let percent = signed_percent(drift, computed).map(|percent| format!(" ({percent})")).unwrap_or_default();
        self.row("reported", cost(reported));
        self.row("drift", format!("{}{percent}: reported less computed", difference(drift)));
    }
}

/// The terms of a bill: a name, a count at a rate, dollars; then what is done with their sum.
#[must_use]
pub fn terms(quote: &Quote) -> Vec<[String; 3]> {
    let rows = steps(quote).into_iter().map(|row| {
        let mut cells = row.into_iter();
        let mut next = || cells.next().unwrap_or_default();
        let (name, number, by) = (next(), next(), next());
        let factor = format!("{number} {by}");
        [name, factor.trim().to_owned(), next().trim_start_matches("= ").to_owned()]
    });
    rows.collect()
}

/// `input  242  × $5.00/M  = $0.00121`, then what is done with the sum.
fn steps(quote: &Quote) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let row = |name: &str, number: String, by: String, is: &str, amount: String| {
        vec![name.to_owned(), number, by, format!("{is} {amount}")]
    };
    let exact = |amount: Amount| dollars(&amount.to_string());
    let mut sum = Amount::default();
    for term in quote.terms.iter().filter(|term| term.by_token) {
        let rate = format!("× {}/M", dollars(&term.rate()));
        rows.push(row(term.name, count(term.count), rate, "=", exact(term.exact())));
        sum = [sum, term.exact()].into_iter().sum();
    }
    let multiply = |sum: &mut Amount, name: &str, ratio: Ratio, rows: &mut Vec<Vec<String>>| {
        // Beyond what can be shown exactly, the computed amount below still stands.
        let Some((product, is_exact)) = sum.times(ratio) else { return };
        *sum = product;
        rows.push(row(name, String::new(), format!("× {ratio}"), if is_exact { "=" } else { "≈" }, exact(product)));
    };
    if !quote.factors.is_empty() && sum > Amount::default() {
        rows.push(row("tokens", String::new(), String::new(), "=", exact(sum)));
        for (cause, ratio) in &quote.factors {
            multiply(&mut sum, cause.name(), *ratio, &mut rows);
        }
    }
    for term in quote.terms.iter().filter(|term| !term.by_token) {
        rows.push(row(term.name, count(term.count), format!("× {}", dollars(&term.rate())), "=", exact(term.exact())));
        sum = [sum, term.exact()].into_iter().sum();
    }
    if quote.remainder != Ratio::ONE {
        rows.push(row("list price", String::new(), String::new(), "=", exact(sum)));
        multiply(&mut sum, "after discount", quote.remainder, &mut rows);
    }
    if let Some(computed) = quote.priced.computed {
        let is_exact = sum.rounded() == Some((computed, true));
        rows.push(row("computed", String::new(), String::new(), if is_exact { "=" } else { "≈" }, cost(computed)));
    }
    rows
}
