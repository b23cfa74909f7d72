//! Writes small databases in the MMDB format, for tests of countries.

use std::net::IpAddr;

/// What a record holds.
#[derive(Clone, Debug)]
pub enum Value {
    /// A text.
    Text(&'static str),
    /// Names and values.
    Map(Vec<(&'static str, Self)>),
    /// Values in an order.
    Array(Vec<Self>),
    /// A number of 16 bits.
    U16(u16),
    /// A number of 32 bits.
    U32(u32),
    /// A number of 64 bits.
    U64(u64),
}

impl Value {
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Text(text) => {
                header(to, 2, text.len());
                to.extend(text.as_bytes());
            }
            Self::Map(fields) => {
                header(to, 7, fields.len());
                for (name, value) in fields {
                    Self::Text(name).write(to);
                    value.write(to);
                }
            }
            Self::Array(values) => {
                header(to, 11, values.len());
                for value in values {
                    value.write(to);
                }
            }
            Self::U16(number) => number_of(to, 5, &number.to_be_bytes()),
            Self::U32(number) => number_of(to, 6, &number.to_be_bytes()),
            Self::U64(number) => number_of(to, 9, &number.to_be_bytes()),
        }
    }
}

fn number_of(to: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    header(to, kind, bytes.len());
    to.extend(bytes);
}

/// What stands before each value: its type and its size, which in tests is always a small one.
fn header(to: &mut Vec<u8>, kind: u8, size: usize) {
    assert!(size < 29, "longer than a test needs");
    let size = u8::try_from(size).expect("a small size");
    if kind < 8 {
        to.push(kind << 5 | size);
    } else {
        to.extend([size, kind - 7]);
    }
}

/// Where a bit of an address leads.
#[derive(Clone, Copy)]
enum Branch {
    Nowhere,
    Node(usize),
    Data(usize),
}

/// A database in which each of these networks has a record.
pub fn mmdb(records: &[(&str, Value)]) -> Vec<u8> {
    let mut nodes = vec![[Branch::Nowhere; 2]];
    let mut data = Vec::new();
    for (network, value) in records {
        let place = Branch::Data(data.len());
        value.write(&mut data);
        let (address, prefix) = network.split_once('/').expect("a network");
        let prefix: u32 = prefix.parse().expect("a prefix");
        let (bits, prefix) = match address.parse().expect("an address") {
            IpAddr::V4(address) => (u128::from(address.to_bits()), 96 + prefix),
            IpAddr::V6(address) => (address.to_bits(), prefix),
        };
        let side = |depth: u32| usize::from(bits >> (127 - depth) & 1 == 1);
        let mut at = 0;
        for depth in 0..prefix - 1 {
            at = if let Branch::Node(next) = nodes[at][side(depth)] {
                next
            } else {
                let next = nodes.len();
                nodes[at][side(depth)] = Branch::Node(next);
                nodes.push([Branch::Nowhere; 2]);
                next
            };
        }
        nodes[at][side(prefix - 1)] = place;
    }
    let count = nodes.len();
    let mut file = Vec::new();
    for branch in nodes.iter().flatten() {
        let record = match branch {
            Branch::Nowhere => count,
            Branch::Node(node) => *node,
            Branch::Data(place) => count + 16 + place,
        };
        file.extend(&record.to_be_bytes()[size_of::<usize>() - 3..]);
    }
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    Value::Map(vec![
        ("binary_format_major_version", Value::U16(2)),
        ("binary_format_minor_version", Value::U16(0)),
        ("build_epoch", Value::U64(1_795_435_200)),
        ("database_type", Value::Text("Test-Country")),
        ("description", Value::Map(vec![("en", Value::Text("A test's"))])),
        ("ip_version", Value::U16(6)),
        ("languages", Value::Array(vec![Value::Text("en")])),
        (
            "node_count",
            Value::U32(u32::try_from(count).expect("a small tree")),
        ),
        ("record_size", Value::U16(24)),
    ])
    .write(&mut file);
    file
}

/// A country as `MaxMind` and DB-IP write it.
pub fn country(code: &'static str) -> Value {
    Value::Map(vec![
        ("continent", Value::Map(vec![("code", Value::Text("XX"))])),
        ("country", Value::Map(vec![("iso_code", Value::Text(code))])),
    ])
}
