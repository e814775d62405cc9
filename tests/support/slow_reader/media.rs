//! Audio, images and video as the slow reader sees them.

use costtop::config::MappedField;
use costtop::format::Skip;
use costtop::usage::{Media, Rejection, Tokens};
use serde_json::Value;

use super::{Text, last_of, text, tokens};

/// Counts of audio, images and video; whether any count, or that of text, is not zero.
type Parts = ([u32; 3], bool);

const NAMES: [&str; 3] = ["audio", "image", "video"];

/// An object with a count for each medium.
fn parts(details: &Value) -> Result<Parts, Skip> {
    let count = |name: &str| tokens(&details[format!("{name}_tokens")]);
    let counts = [count("audio")?, count("image")?, count("video")?];
    Ok((counts, counts != [0; 3] || count("text")? > 0))
}

/// Gemini's list, each modality perhaps several times.
fn modalities(list: &Value) -> Result<Parts, Skip> {
    let (mut sums, mut is_said) = ([0u64; 3], false);
    for element in list.as_array().into_iter().flatten() {
        let count = tokens(last_of(element, &["tokenCount", "token_count"]))?;
        is_said |= count > 0;
        if let Text::Is(modality) = text(&element["modality"])
            && let Some(medium) = NAMES.iter().position(|name| modality.eq_ignore_ascii_case(name))
        {
            sums[medium] += u64::from(count);
        }
    }
    Ok((whole(sums)?, is_said))
}

fn whole(sums: [u64; 3]) -> Result<[u32; 3], Skip> {
    let mut counts = [0; 3];
    for (count, sum) in counts.iter_mut().zip(sums) {
        *count = u32::try_from(sum).map_err(|_| Skip::Rejected(Rejection::Number))?;
    }
    Ok(counts)
}

/// What of a prompt that includes its cache is uncached, and what was read.
fn apart(prompt: [u32; 3], cached: Option<[u32; 3]>, tokens: &Tokens) -> ([u32; 3], [u32; 3]) {
    let read = cached.unwrap_or_else(|| {
        let all: u64 = prompt.iter().map(|part| u64::from(*part)).sum();
        // Whatever was read beyond all that is text must have been of media: of the last first.
        let mut beyond = u64::from(tokens.cache_read).saturating_sub(tokens.prompt().saturating_sub(all));
        let mut read = [0; 3];
        for medium in [2, 1, 0] {
            let part = u64::from(prompt[medium]).min(beyond);
            (read[medium], beyond) = (part as u32, beyond - part);
        }
        read
    });
    ([0, 1, 2].map(|medium| prompt[medium].saturating_sub(read[medium])), read)
}

/// What a provider says of a whole prompt, of what was read of it, and of the output; no more than the wholes.
fn said(prompt: Parts, cached: Parts, output: Parts, tokens: &Tokens) -> Media {
    let cut = |parts: [u32; 3], whole: u32| {
        let first = parts[0].min(whole);
        let second = parts[1].min(whole - first);
        [first, second, parts[2].min(whole - first - second)]
    };
    let (input, cache_read) = if prompt.0 == [0; 3] {
        ([0; 3], [0; 3])
    } else {
        apart(prompt.0, Some(cached.0).filter(|_| cached.1), tokens)
    };
    Media {
        input: cut(input, tokens.input),
        cache_read: cut(cache_read, tokens.cache_read),
        output: cut(output.0, tokens.output - tokens.reasoning.min(tokens.output)),
        is_split: output.1,
    }
}

pub fn chat(usage: &Value, tokens: &Tokens) -> Result<Media, Skip> {
    let inside = &usage["prompt_tokens_details"];
    let (prompt, cached) = (parts(inside)?, parts(&inside["cached_tokens_details"])?);
    Ok(said(prompt, cached, parts(&usage["completion_tokens_details"])?, tokens))
}

pub fn responses(usage: &Value, tokens: &Tokens) -> Result<Media, Skip> {
    let inside = last_of(usage, &["input_tokens_details", "input_token_details"]);
    let (prompt, cached) = (parts(inside)?, parts(&inside["cached_tokens_details"])?);
    Ok(said(prompt, cached, parts(last_of(usage, &["output_tokens_details", "output_token_details"]))?, tokens))
}

pub fn gemini(metadata: &Value, tokens: &Tokens) -> Result<Media, Skip> {
    let list = |camel: &str, snake: &str| modalities(last_of(metadata, &[camel, snake]));
    let prompt = list("promptTokensDetails", "prompt_tokens_details")?;
    let tools = list("toolUsePromptTokensDetails", "tool_use_prompt_tokens_details")?;
    let cached = list("cacheTokensDetails", "cache_tokens_details")?;
    let output = list("candidatesTokensDetails", "candidates_tokens_details")?;
    let both = [0, 1, 2].map(|medium| u64::from(prompt.0[medium]) + u64::from(tools.0[medium]));
    Ok(said((whole(both)?, true), cached, output, tokens))
}

/// The attributes of a span or an event.
pub fn attributes<'v>(attribute: &dyn Fn(&[&str]) -> &'v Value, tokens_of: &Tokens) -> Result<Media, Skip> {
    let count = |names: &[&str]| tokens(attribute(names));
    let mut all = [[0; 3]; 3];
    for (medium, name) in NAMES.into_iter().enumerate() {
        let [input, read, output] = ["input_tokens", "cache_read.input_tokens", "output_tokens"]
            .map(|part| format!("gen_ai.usage.{name}.{part}"));
        let (mut inputs, mut outputs) = (vec![input.as_str()], vec![output.as_str()]);
        if name == "audio" {
            inputs.push("llm.token_count.prompt_details.audio");
            outputs.push("llm.token_count.completion_details.audio");
        }
        (all[0][medium], all[1][medium], all[2][medium]) = (count(&inputs)?, count(&[&read])?, count(&outputs)?);
    }
    let is_split = all[2] != [0; 3] || count(&["gen_ai.usage.text.output_tokens"])? > 0;
    Ok(said((all[0], true), (all[1], all[1] != [0; 3]), (all[2], is_split), tokens_of))
}

/// Costtop's own: parts of its own counts.
pub fn own(record: &Value, whole: &Tokens) -> Result<Media, Skip> {
    let of = |part: &str| -> Result<[u32; 3], Skip> {
        let count = |name: &str| tokens(&record[format!("{name}_{part}_tokens")]);
        Ok([count("audio")?, count("image")?, count("video")?])
    };
    fitting(of("input")?, of("cache_read")?, of("output")?, whole)
}

/// What a mapping finds: in the input, read, in the output.
pub fn mapped<'v>(value: &dyn Fn(MappedField) -> &'v Value) -> Result<[[u32; 3]; 3], Skip> {
    use MappedField as Is;
    let of = |fields: [Is; 3]| -> Result<[u32; 3], Skip> {
        Ok([tokens(value(fields[0]))?, tokens(value(fields[1]))?, tokens(value(fields[2]))?])
    };
    Ok([
        of([Is::AudioInput, Is::ImageInput, Is::VideoInput])?,
        of([Is::AudioRead, Is::ImageRead, Is::VideoRead])?,
        of([Is::AudioOutput, Is::ImageOutput, Is::VideoOutput])?,
    ])
}

/// The parts of what a mapping counts.
pub fn of_mapped([input, read, output]: [[u32; 3]; 3], includes_cache: bool, tokens: &Tokens) -> Result<Media, Skip> {
    if !includes_cache {
        return fitting(input, read, output, tokens);
    }
    let (input, read) = apart(input, (read != [0; 3]).then_some(read), tokens);
    fitting(input, read, output, tokens)
}

/// Parts that the wholes hold.
fn fitting(input: [u32; 3], cache_read: [u32; 3], output: [u32; 3], tokens: &Tokens) -> Result<Media, Skip> {
    let holds = |parts: [u32; 3], whole: u32| parts.iter().map(|part| u64::from(*part)).sum::<u64>() <= whole.into();
    let answer = tokens.output - tokens.reasoning.min(tokens.output);
    if holds(input, tokens.input) && holds(cache_read, tokens.cache_read) && holds(output, answer) {
        Ok(Media { input, cache_read, output, is_split: output != [0; 3] })
    } else {
        Err(Skip::Rejected(Rejection::Number))
    }
}
