//! Names of operating-system users. A user id enters, a safe name leaves; each id is looked up once.

use std::collections::HashMap;
use std::ffi::CStr;

use crate::label::Label;

/// Names found so far.
#[derive(Debug, Default)]
pub struct Owners(HashMap<u32, Option<Label>>);

impl Owners {
    /// The user's name; `None` if the system knows none.
    pub fn name(&mut self, user: u32) -> Option<Label> {
        self.0.entry(user).or_insert_with(|| user_name(user)).clone()
    }
}

/// The name of a user; `None` if the system knows none.
#[must_use]
pub fn user_name(user: u32) -> Option<Label> {
    // 16 KiB hold every entry seen in the field; a longer one has no name here.
    let mut buffer = vec![0; 16 << 10];
    // SAFETY: a zeroed passwd is a valid value for an out parameter.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = std::ptr::null_mut();
    // SAFETY: all pointers live through the call, and the buffer's length is its own.
    let status = unsafe { libc::getpwuid_r(user, &raw mut entry, buffer.as_mut_ptr(), buffer.len(), &raw mut found) };
    if status != 0 || found.is_null() || entry.pw_name.is_null() {
        return None;
    }
    // SAFETY: the call succeeded, so the name is a NUL-terminated string inside the buffer.
    let name = unsafe { CStr::from_ptr(entry.pw_name) };
    Some(Label::from_bytes(name.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_user_is_root() {
        assert_eq!(Owners::default().name(0), Some(Label::new("root")));
        assert_eq!(Owners::default().name(4_000_000_123), None);
    }
}
