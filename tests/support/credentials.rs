//! Credentials in more than fifty shapes, none of which was ever valid, and texts that look a little like some and are none.

/// Letters and digits without a meaning, as many as are asked for.
pub fn noise(length: usize, seed: u64) -> String {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(LETTERS[(state % 62) as usize])
        })
        .collect()
}

fn hex(length: usize, seed: u64) -> String {
    noise(length, seed).bytes().map(|byte| char::from_digit(u32::from(byte) % 16, 16).unwrap_or('0')).collect()
}

/// What it is, the text it stands in, and the part of it that nobody may see. The prefixes are put together here, so that no scanner takes
/// this file for a leak.
pub fn credentials() -> Vec<(&'static str, String, String)> {
    let mut all: Vec<(&'static str, String, String)> = Vec::new();
    let mut bare = |name, prefix: &[&str], body: String| {
        let text = format!("{}{body}", prefix.concat());
        all.push((name, text, body));
    };
    bare("OpenAI, old", &["sk", "-"], noise(48, 1));
    bare("OpenAI, project", &["sk", "-proj-"], format!("{}_{}-{}", noise(60, 2), noise(40, 3), noise(40, 4)));
    bare("OpenAI, service account", &["sk", "-svcacct-"], noise(80, 5));
    bare("OpenAI, admin", &["sk", "-admin-"], noise(80, 6));
    bare("Anthropic", &["sk", "-ant-api03-"], format!("{}-{}AA", noise(60, 7), noise(30, 8)));
    bare("Anthropic, admin", &["sk", "-ant-admin01-"], noise(90, 9));
    bare("Anthropic, OAuth", &["sk", "-ant-oat01-"], noise(90, 10));
    bare("OpenRouter", &["sk", "-or-v1-"], hex(64, 11));
    bare("LiteLLM, virtual", &["sk", "-"], noise(22, 12));
    bare("DeepSeek", &["sk", "-"], hex(32, 13));
    bare("Langfuse", &["sk", "-lf-"], format!("{}-{}-{}", hex(8, 14), hex(4, 15), hex(12, 16)));
    bare("Google", &["AI", "za"], noise(35, 17));
    bare("Google OAuth", &["ya", "29."], noise(120, 18));
    bare("Google client secret", &["GOCSPX", "-"], noise(28, 19));
    bare("Bedrock, long-term", &["AB", "SK"], noise(128, 20));
    bare("Bedrock, short-term", &["bedrock", "-api-key-"], noise(200, 21));
    bare("AWS access key", &["AK", "IA"], noise(16, 22).to_ascii_uppercase());
    bare("AWS temporary key", &["AS", "IA"], noise(16, 23).to_ascii_uppercase());
    bare("Groq", &["gsk", "_"], noise(52, 24));
    bare("xAI", &["xai", "-"], noise(80, 25));
    bare("Perplexity", &["pplx", "-"], noise(48, 26));
    bare("NVIDIA", &["nvapi", "-"], noise(64, 27));
    bare("Hugging Face", &["hf", "_"], noise(34, 28));
    bare("Replicate", &["r8", "_"], noise(37, 29));
    bare("Fireworks", &["fw", "_"], noise(24, 30));
    bare("Together", &["tgp", "_v1_"], noise(43, 31));
    bare("Cerebras", &["csk", "-"], noise(48, 32).to_ascii_lowercase());
    bare("Jina", &["jina", "_"], noise(60, 33));
    bare("Tavily", &["tvly", "-dev-"], noise(32, 34));
    bare("LangSmith", &["lsv2", "_pt_"], format!("{}_{}", hex(32, 35), hex(10, 36)));
    bare("GitHub, classic", &["gh", "p_"], noise(36, 37));
    bare("GitHub, app", &["gh", "s_"], noise(36, 38));
    bare("GitHub, fine-grained", &["github", "_pat_"], format!("{}_{}", noise(22, 39), noise(59, 40)));
    bare("GitLab", &["glpat", "-"], noise(20, 41));
    bare("Slack, bot", &["xox", "b-"], format!("123456789012-1234567890123-{}", noise(24, 42)));
    bare("Slack, user", &["xox", "p-"], format!("123456789012-{}", hex(32, 43)));
    bare("Slack, app", &["xapp", "-1-"], format!("A0123-{}", hex(64, 44)));
    bare("npm", &["npm", "_"], noise(36, 45));
    bare("PyPI", &["pypi", "-Ag"], noise(100, 46));
    bare("SendGrid", &["SG", "."], format!("{}.{}", noise(22, 47), noise(43, 48)));
    bare("Stripe", &["sk", "_live_"], noise(24, 49));
    bare("Vault", &["hvs", "."], noise(90, 50));
    bare("Databricks", &["da", "pi"], hex(32, 51));
    bare("DigitalOcean", &["dop", "_v1_"], hex(64, 52));
    bare("Grafana", &["glsa", "_"], format!("{}_{}", noise(32, 53), hex(8, 54)));
    bare("JSON web token", &["ey", "J"], format!("{}.ey{}.{}", noise(33, 55), noise(80, 56), noise(43, 57)));
    bare("chat bot", &[""], format!("123456789:AA{}", noise(33, 58)));
    bare("key block", &["-----", "BEGIN PRIVATE KEY-----\n"], format!("{}\n-----END PRIVATE KEY-----", noise(64, 59)));
    let mut inside = |name, before: &str, body: String, after: &str| {
        all.push((name, format!("{before}{body}{after}"), body));
    };
    inside("header", "Authorization: Bearer ", noise(40, 60), "");
    inside("header in small letters", "authorization: bearer ", noise(40, 61), " x");
    inside("basic", "Authorization: Basic ", format!("{}==", noise(30, 62)), "");
    inside("query", "https://host/v1?api_key=", noise(32, 63), "&x=1");
    inside("named hexadecimal", "api-key: ", hex(32, 64), "");
    inside("named in JSON", "{\"client_secret\": \"", noise(32, 65), "\"}");
    inside("password", "dsn host=db password=", "hunter2hunter2".to_owned(), " port=1");
    inside("address", "postgres://app:", "hunter2!".to_owned(), "@db/x");
    inside("token in an address", "https://", noise(40, 66), "@git.example/x.git");
    inside("account", "DefaultEndpointsProtocol=https;AccountKey=", format!("{}==", noise(86, 67)), ";x=1");
    inside("chat webhook", "https://hooks.slack.com/services/", format!("T0/B0/{}", noise(24, 68)), "");
    all
}

/// Names, ids and hashes that stand in logs and must stay.
pub const HARMLESS: [&str; 34] = [
    "msg_01XFDUDYJgAACzvnptvVoYEL",
    "req_011CSHoEeqs5C35K2UUqR7Fy",
    "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
    "chatcmpl-BNrTfr4yKhUWxhFqKlJ8TWeTdmZnA",
    "gen-1743173520-0mFXaY0IBQvYjOzYl5KN",
    "toolu_01A09q90qw90lq917835lq9",
    "550e8400-e29b-41d4-a716-446655440000",
    "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
    "ana.lopez@example.com",
    "anthropic/claude-sonnet-4-5-20250929",
    "us.anthropic.claude-sonnet-4-20250514-v1:0",
    "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc123def456",
    "accounts/fireworks/models/llama-v3p1-405b-instruct",
    "hf_meta_llama_3_70b_instruct_endpoint",
    "risk-assessment-pipeline-2026-q4",
    "sk-customer-support-bot-v2",
    "sk-...AbCd",
    "sk-SK",
    "task-0123456789abcdef0123456789",
    "key-alias-of-the-search-team",
    "monkey: a story about keys",
    "token: claude-sonnet-4-5-20250929",
    "reset-password: forgotten",
    "bearer of bad news and other stories",
    "basic subscription-plan-a",
    "/home/ana/code/some-very-long-project-name/with-folders",
    "https://github.com/example/a-long-repository-name",
    "projects/my-project-123/locations/us-central1/endpoints/4567890123456789",
    "trace=4bf92f3577b34da6a3ce929d0e0e4736",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "日本語のとても長いラベルであって鍵ではない",
    "eyJ",
    "AKIA is a prefix, AIza too",
    "key:1a2b3c4d",
];
