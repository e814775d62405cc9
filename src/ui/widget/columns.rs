//! Columns of a table: each has a width and a rank; where the room is short the least important ones go first.

/// A column of fixed width; the name gets what is left.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Cells, the gap before it included.
    pub width: u16,
    /// 0 stays longest.
    pub rank: u8,
}

/// Which columns are shown and how wide the name is. `least_name` is kept for the name while any column can go.
#[must_use]
pub fn arrange<const N: usize>(room: u16, least_name: u16, columns: [Column; N]) -> (u16, [bool; N]) {
    let mut shown = [true; N];
    loop {
        let used: u16 = columns.iter().zip(shown).filter(|(_, shown)| *shown).map(|(column, _)| column.width).sum();
        if used + least_name <= room {
            return (room - used, shown);
        }
        let least = (0..N).filter(|at| shown[*at]).max_by_key(|at| columns[*at].rank);
        match least {
            Some(at) => shown[at] = false,
            None => return (room, shown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_important_column_goes_first() {
        let columns = [Column { width: 9, rank: 0 }, Column { width: 10, rank: 2 }, Column { width: 6, rank: 1 }];
        assert_eq!(arrange(40, 12, columns), (15, [true, true, true]));
        assert_eq!(arrange(30, 12, columns), (15, [true, false, true]));
        assert_eq!(arrange(22, 12, columns), (13, [true, false, false]));
        assert_eq!(arrange(5, 12, columns), (5, [false, false, false]));
    }
}
