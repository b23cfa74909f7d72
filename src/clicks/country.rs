//! Which country an address is in, by a database that the operator gives.

use std::{fs, path::Path};

use maxminddb::{MaxMindDbError, PathElement, Reader};

use super::{address::Address, file_error::FileError};

/// A database of countries in the MMDB format, such as GeoLite2-Country.
///
/// Read once, into memory (9 MB for a database of countries): a file that is mapped and then overwritten in place,
/// as downloads do, would end the server.
#[derive(Debug)]
pub struct Countries(Reader<Vec<u8>>);

/// Where databases keep the country's code: that of `MaxMind` and DB-IP, then that of `IPinfo`.
const PLACES: [&[PathElement<'static>]; 2] = [
    &[PathElement::Key("country"), PathElement::Key("iso_code")],
    &[PathElement::Key("country_code")],
];

impl Countries {
    /// Reads the file.
    ///
    /// # Errors
    /// When it can't be read, or is no MMDB.
    pub fn read(file: &Path) -> Result<Self, FileError> {
        let bytes = fs::read(file).map_err(|error| FileError::read(file, error))?;
        let database = Reader::from_source(bytes);
        let database = database.map_err(|error| FileError::country(file, error))?;
        Ok(Self(database))
    }

    /// The country of an address, as ISO 3166-1 alpha-2 has it; `None` where the database doesn't know.
    #[must_use]
    pub fn of(&self, address: Address) -> Option<String> {
        let found = || -> Result<Option<&str>, MaxMindDbError> {
            let entry = self.0.lookup(address.ip())?;
            for place in PLACES {
                if let Ok(Some(code)) = entry.decode_path(place) {
                    return Ok(Some(code));
                }
            }
            Ok(None)
        };
        let is_code = |code: &&str| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        found().ok().flatten().filter(is_code).map(str::to_owned)
    }
}
