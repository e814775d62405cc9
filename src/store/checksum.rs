//! What makes damage visible: a checksum beside every row, and for each table the count and the sum of its checksums.
//! `SQLite` checks neither content nor completeness; a flipped bit in a blob or a lost page would be read as money.

use std::hash::Hasher;

use rusqlite::Connection;
use siphasher::sip::SipHasher13;

use crate::engine::identity::IdentityKey;

/// The tables whose rows are counted and summed; their place in [`Head::totals`] is part of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Position,
    Name,
    Profile,
    Ledger,
    Cell,
    Session,
    Alarm,
    Meta,
}

const TABLES: usize = 8;

/// Key of a row, as it enters the checksum.
#[derive(Clone, Copy)]
pub(super) enum Key<'a> {
    Id(u32),
    Cell(u8, i64),
    Text(&'a str),
    Row { id: i64, day: i32, rows: u32 },
}

/// The checksum of a row: its table, its key, its bytes. A row that moved to another place is as wrong as a changed one.
pub(super) fn of(identity: IdentityKey, table: Table, key: Key<'_>, bytes: &[u8]) -> i64 {
    let mut hasher = SipHasher13::new_with_keys(identity.0, identity.1);
    hasher.write(&[table as u8]);
    match key {
        Key::Id(id) => hasher.write(&id.to_le_bytes()),
        Key::Cell(tier, time) => {
            hasher.write(&[tier]);
            hasher.write(&time.to_le_bytes());
        }
        Key::Text(text) => {
            hasher.write(&(text.len() as u64).to_le_bytes());
            hasher.write(text.as_bytes());
        }
        Key::Row { id, day, rows } => {
            hasher.write(&id.to_le_bytes());
            hasher.write(&day.to_le_bytes());
            hasher.write(&rows.to_le_bytes());
        }
    }
    hasher.write(bytes);
    hasher.finish().cast_signed()
}

/// Rows of a table and the wrapping sum of their checksums: free of order, moved by what a commit changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Total {
    pub(super) count: u64,
    pub(super) sum: u64,
}

impl Total {
    pub(super) fn add(&mut self, checksum: i64) {
        self.count = self.count.wrapping_add(1);
        self.sum = self.sum.wrapping_add(checksum.cast_unsigned());
    }

    pub(super) fn take(&mut self, checksum: i64) {
        self.count = self.count.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(checksum.cast_unsigned());
    }
}

/// The state's one head: which commit was the last, the identity key, the tables' totals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) sequence: u64,
    pub(super) identity: IdentityKey,
    totals: [Total; TABLES],
}

impl Head {
    pub(super) fn new(identity: IdentityKey) -> Head {
        Head { sequence: 0, identity, totals: [Total::default(); TABLES] }
    }

    pub(super) fn total(&self, table: Table) -> Total {
        self.totals[table as usize]
    }

    pub(super) fn total_mut(&mut self, table: Table) -> &mut Total {
        &mut self.totals[table as usize]
    }

    fn key_bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.identity.0.to_le_bytes());
        bytes[8..].copy_from_slice(&self.identity.1.to_le_bytes());
        bytes
    }

    fn totals_bytes(&self) -> Vec<u8> {
        self.totals.iter().flat_map(|total| [total.count.to_le_bytes(), total.sum.to_le_bytes()]).flatten().collect()
    }

    fn checksum(&self) -> i64 {
        let mut hasher = SipHasher13::new_with_keys(self.identity.0, self.identity.1);
        hasher.write(b"head");
        hasher.write(&self.sequence.to_le_bytes());
        hasher.write(&self.totals_bytes());
        hasher.finish().cast_signed()
    }

    /// Writes the head, in the caller's transaction.
    pub(super) fn save(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO head (only, sequence, identity, totals, checksum) VALUES (1, ?, ?, ?, ?)",
            )?
            .execute((self.sequence.cast_signed(), self.key_bytes(), self.totals_bytes(), self.checksum()))
            .map(drop)
    }

    /// Reads the head; `Ok(None)` if it is not what was written.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Option<Head>> {
        let mut statement =
            connection.prepare_cached("SELECT sequence, identity, totals, checksum FROM head WHERE only = 1")?;
        let (sequence, key, totals, checksum): (i64, [u8; 16], Vec<u8>, i64) =
            statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        let key = u128::from_le_bytes(key);
        let mut head = Head::new(IdentityKey(key as u64, (key >> 64) as u64));
        head.sequence = sequence.cast_unsigned();
        let (numbers, rest) = totals.as_chunks::<16>();
        if numbers.len() != TABLES || !rest.is_empty() {
            return Ok(None);
        }
        for (total, bytes) in head.totals.iter_mut().zip(numbers) {
            let both = u128::from_le_bytes(*bytes);
            *total = Total { count: both as u64, sum: (both >> 64) as u64 };
        }
        Ok((head.checksum() == checksum).then_some(head))
    }
}
