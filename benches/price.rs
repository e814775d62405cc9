//! What one price takes: a repeated model, many models in turn, and a name never seen.

use std::hint::black_box;
use std::sync::Arc;

use costtop::config::PriceConfig;
use costtop::price::PriceBook;
use costtop::time::Timestamp;
use costtop::usage::{RawText, Terms, Tokens, Usage};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn usage(model: &str) -> Usage<'_> {
    Usage {
        time: Some(Timestamp::from_ms(1_795_000_000_000)),
        model: RawText::plain(model.as_bytes()),
        provider: RawText::plain(b"anthropic"),
        terms: Terms {
            tier: RawText::plain(b"standard"),
            inference_geo: RawText::plain(b"not_available"),
            ..Terms::default()
        },
        tokens: Tokens { input: 12, cache_read: 48_211, cache_write_5m: 903, output: 345, ..Tokens::default() },
        ..Usage::default()
    }
}

fn price(criterion: &mut Criterion) {
    let Ok(book) = PriceBook::new(&PriceConfig::default()).map(Arc::new) else { return };
    let mut group = criterion.benchmark_group("price");
    group.throughput(Throughput::Elements(1));
    let mut pricer = book.pricer();
    let one = usage("claude-sonnet-4-6");
    group.bench_function("one model", |bencher| bencher.iter(|| pricer.price(black_box(&one))));
    let names = ["claude-sonnet-4-6", "claude-opus-5-5", "gpt-5.4", "claude-haiku-4-5-20251001", "gemini-2.5-pro"];
    let many: Vec<Usage<'_>> = names.iter().map(|name| usage(name)).collect();
    let mut turn = many.iter().cycle();
    group.bench_function("five models in turn", |bencher| {
        bencher.iter(|| turn.next().map(|usage| pricer.price(black_box(usage))));
    });
    group.bench_function("found anew", |bencher| bencher.iter(|| book.price(black_box(&one))));
    let unknown = usage("bedrock/eu.nobody.knows-this-4.6-20251001-v1:0");
    group.bench_function("unknown, looked for anew", |bencher| bencher.iter(|| book.price(black_box(&unknown))));
    group.finish();
}

criterion_group!(benches, price);
criterion_main!(benches);
