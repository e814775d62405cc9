//! Who asks something of a running costtop: the name of a user of this machine.

use crate::label::Label;
use crate::source::user_name;

/// Who runs this process.
#[must_use]
pub fn own_name() -> Label {
    // SAFETY: it has no precondition and cannot fail.
    name_of(unsafe { libc::geteuid() })
}

/// The name of the user with this number, or the number.
#[must_use]
pub fn name_of(uid: u32) -> Label {
    user_name(uid).unwrap_or_else(|| Label::new(&format!("uid {uid}")))
}
