//! Tokens of audio, images and video, each bill worked out by hand from the rates of the table.

use costtop::price::PriceBook;
use costtop::price::entry::Kind;
use costtop::price::rules::Doubt;
use costtop::usage::{Media, Usage};

use super::{dollars, embedded, request, with_file};

/// A request with media: counts as in [`request`], then audio, images and video of the input, of what was read, of the output.
fn with_media<'a>(model: &'a str, tier: &'a str, counts: [u32; 7], parts: [[u32; 3]; 3]) -> Usage<'a> {
    let [input, cache_read, output] = parts;
    let media = Media { input, cache_read, output, is_split: output != [0; 3] };
    Usage { media, ..request(model, tier, counts) }
}

fn doubts(book: &PriceBook, usage: &Usage<'_>) -> Vec<Doubt> {
    book.quote(usage).doubts
}

#[test]
fn audio_has_rates_of_its_own() {
    let book = embedded();
    // 200 × 2.5 + 800 × 32 + 200 × 10 + 300 × 64 millionths.
    let spoken = with_media("gpt-audio", "", [1000, 0, 0, 0, 500, 0, 0], [[800, 0, 0], [0; 3], [300, 0, 0]]);
    assert_eq!(dollars(&book, &spoken), "0.047300000000");
    assert_eq!(doubts(&book, &spoken), []);
    assert_eq!(dollars(&book, &request("gpt-audio", "", [1000, 0, 0, 0, 500, 0, 0])), "0.007500000000");
}

#[test]
fn cached_audio_is_billed_and_saved_as_audio() {
    let book = embedded();
    // 40 × 0.3 + 60 × 1 + 100 × 0.03 + 900 × 0.1 + 10 × 2.5; uncached, the prompt is 140 × 0.3 + 960 × 1.
    let heard =
        with_media("gemini/gemini-2.5-flash", "", [100, 1000, 0, 0, 10, 0, 0], [[60, 0, 0], [900, 0, 0], [0; 3]]);
    assert_eq!(dollars(&book, &heard), "0.000190000000");
    assert_eq!(book.price(&heard).saved_pico, 837_000_000);
    // A realtime model has a rate for each.
    let parts = [[100, 10, 0], [1000, 100, 0], [500, 0, 0]];
    let spoken = with_media("gpt-realtime", "", [200, 2000, 0, 0, 600, 0, 0], parts);
    // 90 × 4 + 100 × 32 + 10 × 5 + 900 × 0.4 + 1000 × 0.4 + 100 × 0.5 + 100 × 16 + 500 × 64
    assert_eq!(dollars(&book, &spoken), "0.038020000000");
}

/// What a tier does not state of a medium is as much dearer or cheaper as text is in it.
#[test]
fn media_follow_text_into_tiers_and_long_prompts() {
    let book = embedded();
    let million = |model, tier| {
        dollars(&book, &with_media(model, tier, [1_000_000, 0, 0, 0, 0, 0, 0], [[1_000_000, 0, 0], [0; 3], [0; 3]]))
    };
    let heard = |tier| million("gemini/gemini-2.5-flash", tier);
    assert_eq!(
        [heard(""), heard("batch"), heard("flex"), heard("priority")].map(|it| it[..4].to_owned()),
        ["1.00", "0.50", "0.50", "1.80"]
    );
    let seen = |count| {
        dollars(&book, &with_media("xai/grok-4.3", "", [count, 0, 0, 0, 0, 0, 0], [[0, count, 0], [0; 3], [0; 3]]))
    };
    assert_eq!(
        [seen(100_000), seen(300_000)],
        ["0.125000000000", "0.750000000000"],
        "the whole prompt at the rates of long ones"
    );
    // Rates that the configuration's file states for a case are those.
    let book = with_file(
        r#"{"m":{"input_cost_per_token":1e-06,"input_cost_per_token_flex":5e-07,"output_cost_per_token":0,"input_cost_per_audio_token":8e-06,"input_cost_per_audio_token_flex":7e-06,"input_cost_per_image_token":3e-06}}"#,
    );
    let flex = with_media("m", "flex", [300, 0, 0, 0, 0, 0, 0], [[100, 100, 0], [0; 3], [0; 3]]);
    assert_eq!(dollars(&book, &flex), "0.000900000000", "100 × 0.5 + 100 × 7 + 100 × 1.5 millionths");
}

#[test]
fn reads_without_a_rate_are_as_much_cheaper_as_those_of_text() {
    let book = embedded();
    let heard = with_media(
        "vertex_ai/gemini-3.1-flash-lite-preview",
        "",
        [0, 1000, 0, 0, 0, 0, 0],
        [[0; 3], [1000, 0, 0], [0; 3]],
    );
    assert_eq!(dollars(&book, &heard), "0.000050000000", "0.5 × 0.025 ÷ 0.25");
    assert_eq!(doubts(&book, &heard), [Doubt::MediumAssumed(Kind::AudioRead)]);
}

#[test]
fn what_the_table_does_not_tell_from_text_is_billed_like_text_and_in_doubt() {
    let book = embedded();
    let audio = [[100, 0, 0], [0; 3], [50, 0, 0]];
    let counts = [200, 0, 0, 0, 100, 0, 0];
    let spoken = with_media("gpt-5.4", "", counts, audio);
    assert_eq!(dollars(&book, &spoken), dollars(&book, &request("gpt-5.4", "", counts)));
    assert_eq!(doubts(&book, &spoken), [Kind::AudioInput, Kind::AudioOutput].map(Doubt::MediumAssumed));
    // Google lists where audio costs more than text, and images are tokens of text wherever nothing else is listed.
    assert_eq!(doubts(&book, &with_media("gemini/gemini-2.5-pro", "", counts, [[100, 50, 50], [0; 3], [0; 3]])), []);
    assert_eq!(doubts(&book, &with_media("gpt-5.4", "", counts, [[0, 100, 0], [0; 3], [0; 3]])), []);
    assert_eq!(doubts(&book, &request("gpt-5.4", "", counts)), []);
}

/// A model that draws answers with pictures, unless its log says what is text.
#[test]
fn output_that_nobody_splits_is_what_the_model_makes() {
    let book = embedded();
    let drawn = with_media("gpt-image-1", "", [100, 0, 0, 0, 1000, 0, 0], [[0, 60, 0], [0; 3], [0; 3]]);
    assert_eq!(dollars(&book, &drawn), "0.040800000000", "40 × 5 + 60 × 10 + 1000 × 40 millionths");
    let counts = [0, 0, 0, 0, 1000, 0, 0];
    assert_eq!(dollars(&book, &request("gpt-image-1.5", "", counts)), "0.032000000000");
    let split = with_media("gpt-image-1.5", "", counts, [[0; 3], [0; 3], [0, 900, 0]]);
    assert_eq!(dollars(&book, &split), "0.029800000000", "900 × 32 + 100 × 10 millionths");
    let mut written = request("gpt-image-1.5", "", counts);
    written.media.is_split = true;
    assert_eq!(dollars(&book, &written), "0.010000000000", "its log says that all of it is text");
}

/// Pictures by the piece, sound by the second, searches by the query: no price of tokens, and no $0.
#[test]
fn other_units_are_unpriced() {
    let book = embedded();
    for model in ["dall-e-3", "whisper-1", "gemini/lyria-3-clip-preview", "exa_ai/search"] {
        let quote = book.quote(&request(model, "", [100, 0, 0, 0, 100, 0, 0]));
        assert_eq!(quote.priced.computed, None, "{model}");
    }
}

#[test]
fn parts_beyond_the_whole_are_no_more_than_the_whole() {
    let book = embedded();
    let much = with_media("gpt-audio", "", [10, 5, 0, 0, 10, 4, 0], [[u32::MAX; 3], [u32::MAX; 3], [u32::MAX; 3]]);
    // 10 × 32; 5 reads, which the table has no rate of, as audio input; 6 × 64 and 4 reasoning at 10.
    assert_eq!(dollars(&book, &much), "0.000904000000");
}
