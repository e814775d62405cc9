//! No core dumps: what a crash would write to the disk holds lines of logs, and those hold prompts and keys.

/// Tells the system that this process leaves no core, also where cores go to a program. Programs it starts are as they would be.
#[cfg(target_os = "linux")]
pub fn forbid() {
    // SAFETY: this option takes a number and touches no memory. It cannot fail for this value.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
}

/// The same by the limit on the size of a core, which programs it starts inherit.
#[cfg(not(target_os = "linux"))]
pub fn forbid() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the struct is valid and lives through the call; lowering a limit cannot be refused.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
}
