//! Audio, images and video as each format counts them.

use costtop::format::Skip;
use costtop::usage::{Media, Rejection, Tokens, Usage};

use super::{skip, usage};

/// Audio, images and video of the uncached input, of what was read, and of the output.
fn media(line: &str) -> (Tokens, [[u32; 3]; 3], bool) {
    let mut said = None;
    usage(line, |usage: &Usage<'_>| {
        let Media { input, cache_read, output, is_split } = usage.media;
        said = Some((usage.tokens, [input, cache_read, output], is_split));
    });
    said.expect("it was checked")
}

#[test]
fn chat_completions() {
    let line = r#"{"id":"chatcmpl-1","model":"gpt-audio","usage":{"prompt_tokens":120,"completion_tokens":60,"prompt_tokens_details":{"cached_tokens":50,"audio_tokens":80,"image_tokens":10,"cached_tokens_details":{"audio_tokens":30,"text_tokens":20}},"completion_tokens_details":{"reasoning_tokens":5,"audio_tokens":40}}}"#;
    let (tokens, parts, is_split) = media(line);
    assert_eq!((tokens.input, tokens.cache_read, tokens.output), (70, 50, 60), "media are parts of these");
    assert_eq!(parts, [[50, 10, 0], [30, 0, 0], [40, 0, 0]]);
    assert!(is_split);
    // Without a word on what was cached it was text, as far as there is text.
    let line = r#"{"id":"chatcmpl-1","model":"gpt-audio","usage":{"prompt_tokens":120,"completion_tokens":60,"prompt_tokens_details":{"cached_tokens":50,"audio_tokens":80}}}"#;
    assert_eq!(media(line).1, [[70, 0, 0], [10, 0, 0], [0; 3]]);
    let line = r#"{"id":"chatcmpl-1","model":"gpt-5.4","usage":{"prompt_tokens":9,"completion_tokens":6,"prompt_tokens_details":{"audio_tokens":0},"completion_tokens_details":{"audio_tokens":0,"reasoning_tokens":2}}}"#;
    assert_eq!((media(line).1, media(line).2), ([[0; 3]; 3], false), "zeros split nothing");
}

/// Realtime answers and transcriptions call their details otherwise than the Responses API, and mean the same.
#[test]
fn responses_and_realtime() {
    for name in ["token_details", "tokens_details"] {
        let line = format!(
            r#"{{"model":"gpt-realtime","response":{{"id":"resp_1","usage":{{"total_tokens":300,"input_tokens":200,"output_tokens":100,"input_{name}":{{"text_tokens":50,"audio_tokens":150,"image_tokens":0,"cached_tokens":64,"cached_tokens_details":{{"text_tokens":0,"audio_tokens":64,"image_tokens":0}}}},"output_{name}":{{"text_tokens":20,"audio_tokens":80}}}}}}}}"#
        );
        let (tokens, parts, _) = media(&line);
        assert_eq!((tokens.input, tokens.cache_read, tokens.output), (136, 64, 100), "{line}");
        assert_eq!(parts, [[86, 0, 0], [64, 0, 0], [80, 0, 0]], "{line}");
    }
    let heard = r#"{"model":"gpt-4o-transcribe","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":45,"total_tokens":59}}"#;
    assert_eq!(media(heard).1, [[14, 0, 0], [0; 3], [0; 3]]);
}

#[test]
fn gemini_lists_modalities() {
    let line = r#"{"modelVersion":"gemini-2.5-flash","usageMetadata":{"promptTokenCount":1000,"cachedContentTokenCount":600,"toolUsePromptTokenCount":40,"candidatesTokenCount":90,"thoughtsTokenCount":7,"promptTokensDetails":[{"modality":"TEXT","tokenCount":200},{"modality":"AUDIO","tokenCount":500},{"modality":"IMAGE","tokenCount":258},{"modality":"DOCUMENT","tokenCount":42}],"cacheTokensDetails":[{"modality":"AUDIO","tokenCount":450},{"modality":"TEXT","tokenCount":150}],"toolUsePromptTokensDetails":[{"modality":"VIDEO","tokenCount":30}],"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":80}]}}"#;
    let (tokens, parts, _) = media(line);
    assert_eq!((tokens.input, tokens.cache_read, tokens.output, tokens.reasoning), (440, 600, 97, 7));
    assert_eq!(parts, [[50, 258, 30], [450, 0, 0], [0, 80, 0]]);
    let snake = r#"{"model":"gemini-2.5-flash","usage_metadata":{"prompt_token_count":100,"candidates_token_count":9,"prompt_tokens_details":[{"modality":"AUDIO","token_count":60},{"modality":"AUDIO","token_count":10}],"candidates_tokens_details":[{"modality":"TEXT","token_count":9}]}}"#;
    let (_, parts, is_split) = media(snake);
    assert_eq!((parts, is_split), ([[70, 0, 0], [0; 3], [0; 3]], true));
}

#[test]
fn a_gateway_hands_the_details_on() {
    let line = r#"{"id":"chatcmpl-A","call_type":"acompletion","response_cost":0.0473,"model":"gpt-audio","custom_llm_provider":"openai","prompt_tokens":1000,"completion_tokens":500,"total_tokens":1500,"metadata":{"usage_object":{"prompt_tokens":1000,"completion_tokens":500,"prompt_tokens_details":{"audio_tokens":800,"cached_tokens":null},"completion_tokens_details":{"audio_tokens":300}}}}"#;
    assert_eq!(media(line).1, [[800, 0, 0], [0; 3], [300, 0, 0]]);
}

#[test]
fn telemetry_has_attributes_for_each() {
    let span = |attributes: &[(&str, u32)]| {
        let attributes: Vec<String> = attributes
            .iter()
            .map(|(name, count)| format!(r#"{{"key":"{name}","value":{{"intValue":"{count}"}}}}"#))
            .collect();
        format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"5b8aa5a2d2c872e8321cf37308d69df2","spanId":"051581bf3cb55c13","name":"chat","attributes":[{{"key":"gen_ai.operation.name","value":{{"stringValue":"chat"}}}},{{"key":"gen_ai.response.model","value":{{"stringValue":"gpt-audio"}}}},{}]}}]}}]}}]}}"#,
            attributes.join(",")
        )
    };
    let conventions = span(&[
        ("gen_ai.usage.input_tokens", 100),
        ("gen_ai.usage.cache_read.input_tokens", 30),
        ("gen_ai.usage.output_tokens", 50),
        ("gen_ai.usage.audio.input_tokens", 60),
        ("gen_ai.usage.audio.cache_read.input_tokens", 20),
        ("gen_ai.usage.image.input_tokens", 5),
        ("gen_ai.usage.video.output_tokens", 3),
        ("gen_ai.usage.audio.output_tokens", 40),
    ]);
    assert_eq!(media(&conventions).1, [[40, 5, 0], [20, 0, 0], [40, 0, 3]]);
    let open_inference = span(&[
        ("llm.token_count.prompt", 100),
        ("llm.token_count.completion", 50),
        ("llm.token_count.prompt_details.audio", 60),
        ("llm.token_count.completion_details.audio", 40),
    ]);
    assert_eq!(media(&open_inference).1, [[60, 0, 0], [0; 3], [40, 0, 0]]);
}

#[test]
fn costtops_own_counts_are_parts_of_its_own() {
    let line = r#"{"model":"gpt-audio","input_tokens":100,"audio_input_tokens":60,"image_input_tokens":"5","cache_read_tokens":30,"audio_cache_read_tokens":20,"output_tokens":50,"audio_output_tokens":40,"video_output_tokens":1,"reasoning_tokens":9}"#;
    let (tokens, parts, is_split) = media(line);
    assert_eq!((tokens.input, tokens.cache_read, tokens.output), (100, 30, 50));
    assert_eq!((parts, is_split), ([[60, 5, 0], [20, 0, 0], [40, 0, 1]], true));
}

/// A part without its whole is a mistake that would bill nothing.
#[test]
fn a_part_that_its_whole_does_not_hold_is_rejected() {
    for line in [
        r#"{"model":"gpt-audio","audio_input_tokens":60,"output_tokens":5}"#,
        r#"{"model":"gpt-audio","input_tokens":60,"audio_input_tokens":61}"#,
        r#"{"model":"gpt-audio","input_tokens":60,"audio_input_tokens":40,"image_input_tokens":21}"#,
        r#"{"model":"gpt-audio","output_tokens":60,"reasoning_tokens":30,"audio_output_tokens":31}"#,
        r#"{"model":"gpt-audio","input_tokens":60,"audio_input_tokens":-1}"#,
        r#"{"model":"gpt-audio","usage":{"prompt_tokens":60,"completion_tokens":1,"prompt_tokens_details":{"audio_tokens":"many"}}}"#,
    ] {
        assert_eq!(skip(line), Skip::Rejected(Rejection::Number), "{line}");
    }
}

/// In an export of Langfuse each kind stands beside the others.
#[test]
fn a_mapping_says_whether_its_counts_include_media() {
    let line = r#"{"type":"GENERATION","id":"obs-000000000001","model":"gpt-audio","usageDetails":{"input":40,"input_audio_tokens":60,"output":10,"output_audio_tokens":30}}"#;
    let (tokens, parts, _) = media(line);
    assert_eq!((tokens.input, tokens.output), (100, 40));
    assert_eq!(parts, [[60, 0, 0], [0; 3], [30, 0, 0]]);
}
