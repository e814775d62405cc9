//! What readers of these logs stumble over, one rule a test.

use costtop::engine::record::Surroundings;
use costtop::engine::report::{GroupBy, Report, ReportQuery};
use costtop::format::Skip;
use costtop::money::Money;
use costtop::usage::{Dimension, Rejection, UserField};

use super::world::{everything, report, report_by};
use super::{skip, text, usage};

/// Input, read, written, output, reasoning.
fn tokens(report: &Report) -> [i64; 5] {
    let all = &report.totals;
    [all.input, all.cache_read, all.cache_write_5m + all.cache_write_1h, all.output, all.reasoning]
}

fn dollars(text: &str) -> Money {
    Money::parse(text.as_bytes()).unwrap()
}

#[test]
fn the_cache_is_inside_for_openai_and_outside_for_anthropic_under_the_same_names() {
    let openai = r#"{"id":"resp_000000000001","model":"gpt-5.4","usage":{"input_tokens":1000,"input_tokens_details":{"cached_tokens":600},"output_tokens":5,"total_tokens":1005}}"#;
    let anthropic = r#"{"id":"msg_01Outside000001","model":"claude-opus-4-6","usage":{"input_tokens":1000,"cache_read_input_tokens":600,"output_tokens":5}}"#;
    assert_eq!(tokens(&report(&[openai])), [400, 600, 0, 5, 0]);
    assert_eq!(tokens(&report(&[anthropic])), [1000, 600, 0, 5, 0]);
}

#[test]
fn one_call_seen_by_gateway_application_and_telemetry_counts_once() {
    let id = "chatcmpl-seenthrice0000001";
    let gateway = format!(
        r#"{{"id":"{id}","call_type":"acompletion","litellm_call_id":"call-seenthrice001","response_cost":0.01,"model":"openai/gpt-5.4","custom_llm_provider":"openai","prompt_tokens":100,"completion_tokens":5,"total_tokens":105,"endTime":1795255200.5,"end_user":"ada","metadata":{{}}}}"#
    );
    let application = format!(
        r#"{{"ts":"2026-11-21T10:00:00Z","user":"from-the-app","response":{{"id":"{id}","model":"gpt-5.4-2026-03-05","usage":{{"prompt_tokens":100,"completion_tokens":5,"total_tokens":105}}}}}}"#
    );
    let telemetry = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"chat","startTimeUnixNano":"1795255200000000000","endTimeUnixNano":"1795255201000000000","attributes":[{{"key":"gen_ai.operation.name","value":{{"stringValue":"chat"}}}},{{"key":"gen_ai.response.id","value":{{"stringValue":"{id}"}}}},{{"key":"gen_ai.request.model","value":{{"stringValue":"gpt-5.4"}}}},{{"key":"gen_ai.usage.input_tokens","value":{{"intValue":"100"}}}},{{"key":"gen_ai.usage.output_tokens","value":{{"intValue":"5"}}}}]}}]}}]}}]}}"#
    );
    let lines = [gateway.as_str(), &application, &telemetry];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let report = report(&order.map(|place| lines[place]));
        assert_eq!((report.totals.requests, tokens(&report)), (1, [100, 0, 0, 5, 0]));
        assert_eq!(report.totals.reported, dollars("0.01"), "the gateway's word on money");
    }
}

#[test]
fn a_session_file_repeats_the_usage_for_each_content_block() {
    let line = |output: u32, stop: &str| {
        format!(
            r#"{{"type":"assistant","timestamp":"2026-11-21T10:00:00Z","sessionId":"s","requestId":"req_011Blocks000001","message":{{"id":"msg_01Blocks0000001","model":"claude-opus-4-6","stop_reason":{stop},"usage":{{"input_tokens":3,"cache_read_input_tokens":1000,"output_tokens":{output}}}}}}}"#
        )
    };
    let lines = [line(1, "null"), line(1, "null"), line(345, "\"end_turn\"")];
    let report = report(&lines.each_ref().map(String::as_str));
    assert_eq!((report.totals.requests, tokens(&report)), (1, [3, 1000, 0, 345, 0]));
}

#[test]
fn a_gateways_cache_hit_has_tokens_and_no_cost() {
    let hit = r#"{"id":"chatcmpl-hit0000000001_cache_hit1795255200","call_type":"c","litellm_call_id":"call-hit000000001","response_cost":0,"cache_hit":true,"model":"openai/gpt-5.4","custom_llm_provider":"openai","prompt_tokens":1000,"completion_tokens":50,"endTime":1795255200}"#;
    let report = report(&[hit]);
    assert_eq!((report.totals.gateway_hits, tokens(&report)), (1, [1000, 0, 0, 50, 0]));
    assert_eq!((report.totals.cost(), report.totals.unpriced_requests), (Money::ZERO, 0));
}

#[test]
fn a_cost_of_zero_with_tokens_is_not_free() {
    let unmapped = |model: &str| {
        format!(
            r#"{{"id":"chatcmpl-zero000000001","call_type":"c","litellm_call_id":"call-zero00000001","response_cost":0.0,"model":"{model}","prompt_tokens":1000,"completion_tokens":50,"endTime":1795255200}}"#
        )
    };
    let known = report(&[&unmapped("gpt-5.4")]);
    assert_eq!(known.totals.computed, dollars("0.00325"));
    let unknown = report(&[&unmapped("in-house-llama")]);
    assert_eq!((unknown.totals.unpriced_requests, unknown.totals.unpriced_tokens), (1, 1050));
    assert_eq!(unknown.unpriced_models.len(), 1);
}

#[test]
fn numbers_come_as_texts_and_times_in_every_unit() {
    let line = |input: &str, ts: &str| {
        format!(r#"{{"request_id":"dress-000000001","model":"gpt-5.4","input_tokens":{input},"ts":{ts}}}"#)
    };
    let one = report(&[&line("1000", "\"2026-11-21T10:00:00.500Z\"")]);
    for (input, ts) in [
        ("\"1000\"", "1795255200.5"),
        ("1000.0", "1795255200500"),
        ("1e3", "\"1795255200500000000\""),
        ("1000", "\"2026-11-21T11:00:00.500+01:00\""),
    ] {
        let other = report(&[&line(input, ts)]);
        assert_eq!((other.totals, other.first_event), (one.totals, one.first_event), "{input} {ts}");
    }
}

#[test]
fn a_line_of_a_megabyte_counts_and_so_does_one_in_parts() {
    let prompt = r#"\"usage\":{\"input_tokens\":999}"#.repeat(40_000);
    let long =
        format!(r#"{{"messages":"{prompt}","request_id":"long-0000000001","model":"gpt-5.4","input_tokens":7}}"#);
    assert!(long.len() > 1_000_000);
    assert_eq!(tokens(&report(&[&long])), [7, 0, 0, 0, 0]);
    let (head, tail) = long.split_at(500_000);
    let parts = [format!("2026-11-21T10:00:00Z stdout P {head}"), format!("2026-11-21T10:00:01Z stdout F {tail}")];
    assert_eq!(tokens(&report(&parts.each_ref().map(String::as_str))), [7, 0, 0, 0, 0]);
}

#[test]
fn cloudwatch_wraps_records_as_an_escaped_text_in_message() {
    let record = super::bedrock_log::LOG.lines().next().unwrap();
    let text = serde_json::to_string(record).unwrap();
    let alone = report(&[record]);
    for wrapped in [
        format!(r#"{{"id":"1","timestamp":1795255200000,"message":{text}}}"#),
        format!(r#"{{"@timestamp":"2026-11-21 10:00:00.000","@message":{text}}}"#),
        format!(
            r#"{{"messageType":"DATA_MESSAGE","logEvents":[{{"id":"1","timestamp":1795255200000,"message":{text}}}]}}"#
        ),
    ] {
        assert_eq!(report(&[&wrapped]).totals, alone.totals, "{wrapped}");
        assert_eq!(report(&[record, &wrapped]).totals, alone.totals, "one request, in two logs");
    }
}

#[test]
fn the_served_tier_beats_the_requested_one() {
    let line = r#"{"service_tier":"priority","response":{"id":"chatcmpl-tier000000001","model":"gpt-5.4","service_tier":"default","usage":{"prompt_tokens":1000,"completion_tokens":0}}}"#;
    usage(line, |usage| assert_eq!(text(usage.terms.tier), "default"));
    assert_eq!(report(&[line]).totals.computed, dollars("0.0025"));
}

#[test]
fn the_operator_chooses_which_name_is_the_user() {
    let line = r#"{"request_id":"who-00000000001","model":"gpt-5.4","input_tokens":1,"user":"ada","end_user":"customer-7","key":"ci"}"#;
    for (order, name) in [
        (vec![UserField::EndUser, UserField::User], "customer-7"),
        (vec![UserField::User, UserField::EndUser], "ada"),
        (vec![UserField::UserEmail, UserField::KeyAlias], "ci"),
    ] {
        let query = ReportQuery { by: vec![GroupBy::Dimension(Dimension::User)], ..everything() };
        let around = Surroundings { user_order: order, ..Surroundings::default() };
        let report = report_by(&[format!("{line}\n")], &query, around);
        assert_eq!(report.groups[0].key[0].as_ref().map(ToString::to_string).as_deref(), Some(name));
    }
}

#[test]
fn a_late_record_counts_on_the_day_it_happened() {
    let line = |id: u32, ts: &str| {
        format!(r#"{{"request_id":"late-0000000{id:03}","model":"gpt-5.4","input_tokens":10,"ts":"{ts}"}}"#)
    };
    let query = ReportQuery { by: vec![GroupBy::Day], ..everything() };
    let log =
        [line(1, "2026-11-22T10:00:00Z"), line(2, "2026-11-20T23:59:59Z")].map(|line| format!("{line}\n")).concat();
    let report = report_by(&[log], &query, Surroundings::default());
    let mut days: Vec<String> = report.groups.iter().map(|group| group.key[0].as_ref().unwrap().to_string()).collect();
    days.sort();
    assert_eq!(days, ["2026-11-20", "2026-11-22"]);
}

#[test]
fn names_of_a_log_are_cleaned_before_anything_shows_them() {
    let line = r#"{"request_id":"hostile-00000001","model":"gpt-5.4","input_tokens":1,"user":"ada\u001b[2J\u0007"}"#;
    let query = ReportQuery { by: vec![GroupBy::Dimension(Dimension::User)], ..everything() };
    let around = Surroundings { user_order: vec![UserField::User], ..Surroundings::default() };
    let report = report_by(&[format!("{line}\n")], &query, around);
    let shown = report.groups[0].key[0].as_ref().unwrap().to_string();
    assert!(shown.starts_with("ada") && !shown.contains(['\u{1b}', '\u{7}']), "{shown:?}");
}

#[test]
fn compactions_are_in_no_total_and_advice_is_billed_at_the_advisors_rates() {
    let line = r#"{"id":"msg_01Advised000001","model":"claude-haiku-4-5","usage":{"input_tokens":100,"output_tokens":50,"iterations":[{"type":"message","input_tokens":100,"output_tokens":50},{"type":"compaction","input_tokens":1000,"output_tokens":10},{"type":"advisor_message","model":"claude-opus-4-6","input_tokens":2000,"cache_read_input_tokens":0,"cache_creation_input_tokens":0,"output_tokens":400},{"type":"advisor_message","model":"claude-opus-4-6","input_tokens":2000,"output_tokens":400},{"type":"fallback_message","model":"claude-sonnet-4-6","input_tokens":100,"output_tokens":50}]}}"#;
    let session = format!(
        r#"{{"type":"assistant","timestamp":"2026-11-21T10:00:00Z","sessionId":"s","requestId":"req_011Advised00001","message":{{"stop_reason":"end_turn",{}}}}}"#,
        &line[1..line.len() - 1]
    );
    // Haiku: 1,100 in and 60 out at $1 and $5; Opus, twice: 2,000 in and 400 out at $5 and $25.
    let expected = dollars("0.0414");
    for logs in
        [vec![line], vec![session.as_str()], vec![line, line], vec![session.as_str(), line], vec![line, &session]]
    {
        let report = report(&logs);
        assert_eq!((report.totals.requests, tokens(&report)), (3, [5100, 0, 0, 860, 0]), "{}", logs.len());
        assert_eq!(report.totals.computed, expected);
    }
    // A cost beside the answer is that of all together.
    let paid = format!(r#"{{"cost_usd":0.05,{}"#, &line[1..]);
    let paid = report(&[&paid]);
    assert_eq!((paid.totals.requests, paid.totals.cost()), (1, dollars("0.05")));
}

#[test]
fn a_streamed_invocation_says_what_it_used_in_its_last_chunk() {
    let chunk = r#"{"request_id":"invoke-00000001","model":"us.anthropic.claude-opus-4-6-v1","response":{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":12,"outputTokenCount":345,"cacheReadInputTokenCount":1000,"cacheWriteInputTokenCount":90,"invocationLatency":2210}}}"#;
    assert_eq!(tokens(&report(&[chunk])), [12, 1000, 90, 345, 0]);
}

#[test]
fn thoughts_and_tool_prompts_stand_beside_geminis_counts() {
    let line = r#"{"responseId":"gemini-00000001","modelVersion":"gemini-2.5-pro","usageMetadata":{"promptTokenCount":100,"cachedContentTokenCount":60,"toolUsePromptTokenCount":30,"candidatesTokenCount":20,"thoughtsTokenCount":7,"totalTokenCount":157}}"#;
    assert_eq!(tokens(&report(&[line])), [70, 60, 0, 27, 7]);
}

#[test]
fn provisioned_throughput_has_no_price_per_token() {
    let line = r#"{"responseId":"gemini-00000002","modelVersion":"gemini-2.5-pro","usageMetadata":{"promptTokenCount":100,"candidatesTokenCount":20,"trafficType":"PROVISIONED_THROUGHPUT"}}"#;
    let report = report(&[line]);
    assert_eq!((report.totals.cost(), report.totals.unpriced_requests), (Money::ZERO, 1));
}

#[test]
fn a_batchs_results_cost_half_and_what_failed_or_expired_is_no_usage() {
    let openai = r#"{"id":"batch_req_1","custom_id":"a","response":{"status_code":200,"request_id":"req-batch-0000001","body":{"id":"chatcmpl-batch00000001","model":"gpt-5.4","usage":{"prompt_tokens":1000,"completion_tokens":0}}},"error":null}"#;
    let anthropic = r#"{"custom_id":"b","result":{"type":"succeeded","message":{"id":"msg_01Batch00000001","model":"claude-opus-4-6","usage":{"input_tokens":1000,"output_tokens":0,"service_tier":"batch"}}}}"#;
    let report = report(&[openai, anthropic]);
    assert_eq!((report.totals.batch_requests, report.totals.computed), (2, dollars("0.00375")));
    for none in [
        r#"{"custom_id":"c","result":{"type":"errored","error":{"type":"invalid_request"}}}"#,
        r#"{"custom_id":"d","result":{"type":"expired"}}"#,
        r#"{"custom_id":"e","response":{"status_code":500,"request_id":"req-x","body":{"error":{"message":"m"}}},"error":null}"#,
        r#"{"id":"batch_req_2","custom_id":"f","response":null,"error":{"code":"batch_expired","message":"m"}}"#,
    ] {
        assert_eq!(skip(none), costtop::format::Skip::NotUsage, "{none}");
    }
}

#[test]
fn xai_leaves_reasoning_out_of_the_completion_and_a_byok_fee_is_not_the_whole_cost() {
    let xai = r#"{"id":"xai-000000000001","model":"grok-4.7","usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":150,"completion_tokens_details":{"reasoning_tokens":30}}}"#;
    assert_eq!(tokens(&report(&[xai])), [100, 0, 0, 50, 30]);
    let byok = r#"{"id":"gen-1795255200-a1b2c3d4","model":"openai/gpt-5.4","provider":"OpenAI","usage":{"prompt_tokens":100,"completion_tokens":20,"cost":0.001,"is_byok":true,"cost_details":{"upstream_inference_cost":0.02}}}"#;
    assert_eq!(report(&[byok]).totals.reported, dollars("0.021"));
}

#[test]
fn rows_of_a_database_are_in_utc_and_their_metadata_may_be_a_text() {
    let rows = r#"[{"request_id":"chatcmpl-row00000000001","call_type":"acompletion","spend":0.1,"litellm_call_id":"call-row00000001","startTime":"2026-11-21T09:59:58","endTime":"2026-11-21T10:00:00.500","model":"gpt-5.4","prompt_tokens":10,"completion_tokens":5,"metadata":"{\"user_api_key_alias\":\"ci\",\"cost_center\":\"4711\"}","cache_hit":"None"}]"#;
    let mut decoder = costtop::format::Decoder::new("Asia/Tokyo".parse().unwrap());
    let label = costtop::usage::OwnLabel::new(0, "cost_center");
    let path = [vec!["metadata".to_owned(), "cost_center".to_owned()]];
    decoder
        .look_for(costtop::format::labels::LabelPaths::new([(label, &path[..])].into_iter()).map(std::sync::Arc::new));
    let mut seen = 0;
    decoder.decode(0, rows.as_bytes(), &mut |_, result| {
        let usage = result.unwrap();
        seen += 1;
        assert_eq!(usage.time.unwrap().to_string(), "2026-11-21T10:00:00.500Z");
        assert_eq!([usage.dimensions.own.unwrap()[0], usage.dimensions.key_alias].map(text), ["4711", "ci"]);
    });
    assert_eq!(seen, 1);
}

/// Flat lines of home-made loggers: `OpenAI`'s names without an object around them mean what they mean there.
#[test]
fn trap_flat_lines_with_openais_names() {
    let line =
        r#"{"model":"gpt-5.4","prompt_tokens":1000,"completion_tokens":50,"cached_tokens":600,"created":1795255200}"#;
    usage(line, |usage| {
        assert_eq!((usage.tokens.input, usage.tokens.cache_read, usage.tokens.output), (400, 600, 50));
        assert_eq!(usage.time.unwrap().to_string(), "2026-11-21T10:00:00.000Z");
    });
    // Costtop's own names count before them.
    let line = r#"{"model":"m","input_tokens":7,"prompt_tokens":1000,"output_tokens":5,"completion_tokens":50,"time":1.25,"created_at":"2026-11-21T10:00:00Z"}"#;
    usage(line, |usage| {
        assert_eq!((usage.tokens.input, usage.tokens.output), (7, 5));
        assert_eq!(usage.time.unwrap().to_string(), "2026-11-21T10:00:00.000Z", "a duration is no time");
    });
    for name in ["ts", "timestamp", "time", "created_at", "created"] {
        let line = format!(r#"{{"model":"m","input_tokens":1,"{name}":"2026-11-21T10:00:00Z"}}"#);
        usage(&line, |usage| assert!(usage.time.is_some(), "{name}"));
    }
    assert_eq!(skip(r#"{"prompt_tokens":1000,"completion_tokens":50}"#), Skip::Rejected(Rejection::Model));
}
