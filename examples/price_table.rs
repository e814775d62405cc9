//! Builds the embedded price table: `cargo run --example price_table -- MODEL_PRICES.json RETIRED.json DATE OUT [SOURCE]`.

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (map, retired, date, out, source) = match arguments.as_slice() {
        [map, retired, date, out] => (map, retired, date, out, "LiteLLM model_prices_and_context_window.json"),
        [map, retired, date, out, source] => (map, retired, date, out, source.as_str()),
        _ => anyhow::bail!("usage: price_table MODEL_PRICES.json RETIRED.json YYYY-MM-DD OUT [SOURCE]"),
    };
    let read = |path: &str| std::fs::read_to_string(path).with_context(|| format!("cannot read '{path}'"));
    let table = costtop::price::embedded::generate(&read(map)?, &read(retired)?, source, date)?;
    std::fs::write(out, table).with_context(|| format!("cannot write '{out}'"))?;
    Ok(())
}
