//! A line's value as plain data, for those who show it and know no script engine.

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Nothing,
    /// True or false.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Value>),
    /// A map, by the alphabet of its keys.
    Map(Vec<(String, Value)>),
    /// What is neither, a VM or a function: how it is told.
    Other(String),
}

impl Value {
    /// The value of a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(members) => members
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// The keys, if this is a map.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let members = match self {
            Self::Map(members) => members.as_slice(),
            _ => &[],
        };
        members.iter().map(|(key, _)| key.as_str())
    }

    /// Whether it holds no others.
    pub fn is_plain(&self) -> bool {
        match self {
            Self::List(items) => items.is_empty(),
            Self::Map(members) => members.is_empty(),
            _ => true,
        }
    }
}
