//! Documents: files that hold one value, end without a newline and are written anew when they change.

use crate::world::World;

fn document(output: u32) -> String {
    format!("{{\n  \"id\": \"msg_1\",\n  \"output\": {output}\n}}")
}

#[test]
fn a_documents_last_line_is_whole_once_it_is_still() {
    let mut world = World::new();
    world.rewrite("msg_1.json", document(1));
    world.poll();
    assert_eq!(world.lines.len(), 3, "what ends in a newline comes at once");
    assert!(world.torn.is_empty(), "it may still be written");
    world.settle();
    assert_eq!(world.torn, [b"}"]);
    world.settle();
    world.restart();
    world.settle();
    assert_eq!(world.torn.len(), 1, "once");
}

#[test]
fn a_document_written_anew_is_read_anew_and_nothing_is_said_to_be_lost() {
    let mut world = World::new();
    world.rewrite("msg_1.json", document(1));
    world.settle();
    world.rewrite("msg_1.json", document(22));
    world.settle();
    assert_eq!(world.torn.len(), 2);
    assert_eq!(world.lines[b"  \"output\": 22".as_slice()], 1);
    assert_eq!(world.lines[b"{".as_slice()], 2, "from its start");
    assert_eq!((world.gaps, world.notes.len()), (0, 0), "{:?}", world.notes);
}

#[test]
fn half_a_document_is_waited_for_and_so_is_the_line_of_a_log() {
    let mut world = World::new();
    let text = document(1);
    world.rewrite("msg_1.json", &text[..text.len() - 6]);
    world.append("a.jsonl", "{\"a\":{}");
    world.settle();
    assert!(world.torn.is_empty(), "{:?}", world.torn);
    world.append("msg_1.json", &text[text.len() - 6..]);
    world.append("a.jsonl", "}\n");
    world.settle();
    assert_eq!(world.torn, [b"}"]);
    assert_eq!(world.lines[b"{\"a\":{}}".as_slice()], 1);
}
