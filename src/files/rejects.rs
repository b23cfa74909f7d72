//! Lines that could not be used, with the reason, to be mended and given again.

use std::{
    fs::File,
    io::{self, BufWriter, Write as _},
    path::Path,
};

use serde_json::{Map, Value};

use super::{Format, Said, WrongLine};

/// What is added to a line: where it stood, and what is wrong with it.
const ADDED: [&str; 3] = ["line", "errorCode", "reason"];

/// A file of the same format as the one that is read.
#[derive(Debug)]
pub struct Rejects {
    file: BufWriter<File>,
    format: Format,
    /// Which cells of a row are kept: those that were added by an earlier run are not.
    kept: Vec<bool>,
}

impl Rejects {
    /// Begins a file, in place of one that is there; `names` are those of the file that is read.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn create(path: &Path, format: Format, names: &[String]) -> io::Result<Self> {
        let kept = names.iter().map(|name| !ADDED.contains(&name.as_str())).collect();
        let mut rejects = Self {
            file: BufWriter::new(File::create(path)?),
            format,
            kept,
        };
        if format == Format::Csv {
            rejects.row(names, ADDED.map(str::to_owned))?;
        }
        Ok(rejects)
    }

    /// Adds a line, as far as it could be read.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn add(
        &mut self,
        number: u64,
        said: Result<&Said, &WrongLine>,
        code: &str,
        reason: &str,
    ) -> io::Result<()> {
        let cells: &[String] = match said {
            Ok(Said::Object(object)) => return self.object(object.clone(), number, code, reason),
            Err(_) if self.format == Format::Ndjson => return self.object(Map::new(), number, code, reason),
            Ok(Said::Cells(cells)) | Err(WrongLine::Cells { cells, .. }) => cells,
            Err(_) => &[],
        };
        self.row(cells, [number.to_string(), code.to_owned(), reason.to_owned()])
    }

    /// Hands what was added over to the file.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    fn row(&mut self, cells: &[String], added: [String; 3]) -> io::Result<()> {
        let mut row = csv::Writer::from_writer(Vec::new());
        for (at, kept) in self.kept.iter().enumerate() {
            if *kept {
                row.write_field(cells.get(at).map(String::as_str).unwrap_or_default())?;
            }
        }
        row.write_record(added)?;
        let row = row.into_inner().map_err(csv::IntoInnerError::into_error)?;
        self.file.write_all(&row)
    }

    fn object(
        &mut self,
        mut object: Map<String, Value>,
        number: u64,
        code: &str,
        reason: &str,
    ) -> io::Result<()> {
        let added: [Value; 3] = [number.into(), code.into(), reason.into()];
        object.extend(ADDED.map(str::to_owned).into_iter().zip(added));
        writeln!(self.file, "{}", Value::from(object))
    }
}
