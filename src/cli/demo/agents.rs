//! Files of other coding agents as samples, each as its program writes it. They enter the binary as they are and leave as they are.

use std::fs;
use std::io;
use std::path::Path;

/// Where each lies below the folder of samples, and what is in it.
const FILES: [(&str, &str); 6] = [
    (
        "codex/2026/11/20/rollout-2026-11-20T09-00-00-019f6a10-3c1e-7a40-9b1d-0a6f1c2d3e4f.jsonl",
        include_str!("agents/rollout.jsonl"),
    ),
    (
        "codex/2026/11/20/rollout-2026-11-20T09-50-00-019f6a2b-77aa-7c01-8f00-1b2c3d4e5f60.jsonl",
        include_str!("agents/rollout-fork.jsonl"),
    ),
    ("gemini/chats/session-2026-11-20T10-00-7c1de0a4.jsonl", include_str!("agents/gemini-session.jsonl")),
    (
        "opencode/message/ses_62e0b3d5effe1a2B3c4D5e6F7g/msg_9d1f4c2a8001vQ3Xk7Yt5LmNpR.json",
        include_str!("agents/opencode-message.json"),
    ),
    (
        "pi/sessions/2026-11-20T10-00-00-000Z_4f0c9a52-9c0e-4d5e-8f6a-1b2c3d4e5f60.jsonl",
        include_str!("agents/pi-session.jsonl"),
    ),
    ("stream.log", include_str!("agents/stream.log")),
];

/// Writes the files into `folder`.
pub fn write(folder: &Path) -> io::Result<()> {
    for (name, text) in FILES {
        let path = folder.join("agents").join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
}
