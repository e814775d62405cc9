//! Who asks something of a running costtop: the name of a user of this machine.

use crate::label::Label;
use crate::source::user_name;

/// Who runs this process.
#[must_use]
pub fn own_name() -> Label {
    // SAFETY: it has no precondition and cannot fail.
    name_of(unsafe { libc::geteuid() })
}

/// Who asks, as a listener names it: a user of this machine by name, anybody else as it is.
#[must_use]
pub fn named(peer: &Label) -> Label {
    let uid = peer.as_str().strip_prefix("unix uid ").and_then(|uid| uid.parse().ok());
    uid.map_or_else(|| peer.clone(), name_of)
}

/// The name of the user with this number, or the number.
#[must_use]
pub fn name_of(uid: u32) -> Label {
    user_name(uid).unwrap_or_else(|| Label::new(&format!("uid {uid}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_this_machine_have_their_names() {
        assert_eq!(named(&Label::new("unix uid 0")), Label::new("root"));
        assert_eq!(named(&Label::new("unix uid 4000000123")), Label::new("uid 4000000123"));
        assert_eq!(named(&Label::new("127.0.0.1")), Label::new("127.0.0.1"));
    }
}
