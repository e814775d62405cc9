//! What must hold for every bill.

use std::sync::{Arc, LazyLock};

use costtop::price::PriceBook;
use costtop::usage::Usage;
use proptest::prelude::*;

use super::{embedded, golden, request, tokens};

static BOOK: LazyLock<Arc<PriceBook>> = LazyLock::new(|| Arc::new(embedded()));

/// Models of several providers, none with rates that depend on the prompt's size.
const FLAT: [&str; 5] =
    ["claude-opus-5-5", "claude-sonnet-4-6", "gpt-5.1", "gemini/gemini-2.5-flash", "groq/openai/gpt-oss-120b"];

fn counts() -> impl Strategy<Value = [u32; 7]> {
    (prop::array::uniform6(0u32..2_000_000), 0u32..5).prop_map(|([a, b, c, d, e, f], _)| [a, b, c, d, e, f.min(e), 0])
}

fn pico(usage: &Usage<'_>) -> u64 {
    BOOK.price(usage).computed.unwrap().pico()
}

proptest! {
    #[test]
    fn more_tokens_never_cost_less(model in 0..FLAT.len(), counts in counts(), at in 0usize..5, more in 1u32..1_000) {
        let mut greater = counts;
        greater[at] += more;
        prop_assert!(pico(&request(FLAT[model], "", counts)) <= pico(&request(FLAT[model], "", greater)));
    }

    /// Without reads: a batch may bill them at the batch input rate, which can be above the standard read rate.
    #[test]
    fn a_batch_without_cache_never_costs_more(model in 0..FLAT.len(), mut counts in counts()) {
        (counts[1], counts[2], counts[3]) = (0, 0, 0);
        prop_assert!(pico(&request(FLAT[model], "batch", counts)) <= pico(&request(FLAT[model], "", counts)));
    }

    #[test]
    fn a_quote_adds_up_to_the_price(model in 0..FLAT.len(), counts in counts(), batch in any::<bool>()) {
        let usage = request(FLAT[model], if batch { "batch" } else { "" }, counts);
        let quote = BOOK.quote(&usage);
        let amounts = quote.terms.iter().map(|term| costtop::money::Money::parse(term.amount().as_bytes()).unwrap());
        let sum: costtop::money::Money = amounts.sum();
        let off = (sum.pico() - i128::from(quote.priced.computed.unwrap().pico())).abs();
        prop_assert!(off <= 3, "{sum} and {:?}", quote.priced);
        prop_assert_eq!(quote.priced, BOOK.price(&usage));
    }

    #[test]
    fn saved_is_the_uncached_prompt_less_the_prompt(model in 0..FLAT.len(), mut counts in counts()) {
        (counts[4], counts[5]) = (0, 0);
        let usage = request(FLAT[model], "", counts);
        let prompt = u32::try_from(tokens(counts).prompt()).unwrap();
        let uncached = pico(&request(FLAT[model], "", [prompt, 0, 0, 0, 0, 0, 0]));
        prop_assert_eq!(i128::from(BOOK.price(&usage).saved_pico), i128::from(uncached) - i128::from(pico(&usage)));
    }

    #[test]
    fn no_text_and_no_count_brings_it_down(model in ".{0,60}", tier in ".{0,20}", counts in any::<[u32; 7]>()) {
        let _ = BOOK.price(&request(&model, &tier, counts));
        let _ = BOOK.price(&request("claude-opus-4-6", &tier, counts));
    }
}

/// One pricer for all golden cases, twice through, says what the book says.
#[test]
fn a_pricer_says_what_the_book_says() {
    let mut pricer = BOOK.pricer();
    let cases = golden::cases();
    for case in cases.iter().chain(&cases) {
        let usage = golden::usage(case);
        assert_eq!(pricer.price(&usage), BOOK.price(&usage));
    }
}
