//! Small drawings that know no screen: a panel's frame, thin and solid bars, trends, the burn chart plain and stacked, columns.

pub mod bar;
pub mod chart;
pub mod columns;
pub mod panel;
pub mod stack;
