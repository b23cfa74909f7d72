//! Rows in one form, whichever database they are from.
//!
//! It is that of `PostgreSQL`'s `COPY … (FORMAT binary)`: each field is its length as four bytes, −1 for none, and its bytes;
//! numbers have the highest byte first. So rows of `PostgreSQL` are taken and given as they are, and two rows are the same if
//! their bytes are: nothing else need be known to compare and to sum them.

/// Rows one behind the other in one piece of memory.
#[derive(Debug, Default)]
pub(super) struct Lot {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Lot {
    /// Adds a row.
    pub(super) fn push(&mut self, row: &[u8]) {
        self.bytes.extend_from_slice(row);
        self.ends.push(self.bytes.len());
    }

    /// Adds a row that `write` appends.
    pub(super) fn push_with<E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        write(&mut self.bytes)?;
        self.ends.push(self.bytes.len());
        Ok(())
    }

    /// How many rows there are.
    pub(super) const fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many bytes they take.
    pub(super) const fn size(&self) -> usize {
        self.bytes.len()
    }

    /// One row.
    pub(super) fn get(&self, at: usize) -> Option<&[u8]> {
        let end = *self.ends.get(at)?;
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.bytes.get(begin..end)
    }

    /// All rows.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|at| self.get(at))
    }
}

/// Appends a field.
pub(super) fn put(row: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        None => row.extend_from_slice(&(-1_i32).to_be_bytes()),
        Some(value) => {
            // What is longer no database could have given.
            let length = i32::try_from(value.len()).unwrap_or(i32::MAX);
            row.extend_from_slice(&length.to_be_bytes());
            row.extend_from_slice(value);
        }
    }
}

/// The fields of a row.
pub(super) fn fields(mut row: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        let (length, rest) = row.split_first_chunk::<4>()?;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            row = rest;
            return Some(None);
        };
        let (value, rest) = rest.split_at_checked(length)?;
        row = rest;
        Some(Some(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_their_fields_are_read_as_they_were_written() {
        let mut lot = Lot::default();
        for number in [1_u8, 2] {
            let written: Result<(), ()> = lot.push_with(|row| {
                put(row, Some(&[number; 3]));
                put(row, None);
                put(row, Some(&[]));
                Ok(())
            });
            assert_eq!(written, Ok(()));
        }
        let copy = lot.get(0).expect("a row").to_vec();
        lot.push(&copy);
        let rows: Vec<Vec<_>> = lot.iter().map(|row| fields(row).collect()).collect();
        let row = |number| vec![Some([number; 3].to_vec()), None, Some(Vec::new())];
        let expected: Vec<_> = [1, 2, 1].map(row).into();
        let owned: Vec<Vec<_>> = rows
            .into_iter()
            .map(|row| row.into_iter().map(|field| field.map(<[u8]>::to_vec)).collect())
            .collect();
        assert_eq!(owned, expected);
        assert_eq!((lot.len(), lot.size(), lot.get(3)), (3, 45, None));
    }
}
