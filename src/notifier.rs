//! How alarms leave costtop. Transitions and time enter; a ring for the screen to write and processes leave. It decides no alarm.

pub mod bell;
pub mod command;
