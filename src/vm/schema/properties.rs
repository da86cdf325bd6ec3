//! The properties of a device, which `device_add` takes and the schema leaves out: `device-list-properties` (QEMU 1.2).

use std::collections::BTreeMap;

use serde_json::Value;

use super::model::Builtin;

/// The types of a device's properties, as far as they are known.
#[derive(Debug, Clone, Default)]
pub struct Properties {
    types: BTreeMap<String, Builtin>,
}

impl Properties {
    /// The properties in a reply to `device-list-properties`; what makes no sense in it is passed over.
    pub fn parse(reply: &Value) -> Self {
        let listed = reply.as_array().into_iter().flatten();
        let types = listed.filter_map(|property| {
            let name = property["name"].as_str()?.to_owned();
            Some((name, builtin(property["type"].as_str()?)))
        });
        Self {
            types: types.collect(),
        }
    }

    /// The names, to find those that are written with `_` for `-`.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.types.keys().map(String::as_str)
    }

    pub(super) fn of(&self, name: &str) -> Option<Builtin> {
        self.types.get(name).copied()
    }
}

/// What QEMU calls its own types. All that is not here is written as text: enumerations, links, addresses.
fn builtin(name: &str) -> Builtin {
    match name {
        "bool" => Builtin::Boolean,
        "size" | "int" | "uint" => Builtin::Integer,
        _ if name.starts_with("int") || name.starts_with("uint") => Builtin::Integer,
        _ => Builtin::Text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Builtin, Properties};

    #[test]
    fn the_types_of_properties_are_told_by_qemus_names_for_them() {
        let properties = Properties::parse(&json!([
            {"name": "num-queues", "type": "uint16", "default-value": 1},
            {"name": "disable-legacy", "type": "OnOffAuto"},
            {"name": "share-rw", "type": "bool"},
            {"name": "drive", "type": "str"},
            {"name": 5, "type": "str"}, null, {"name": "x"},
        ]));
        assert_eq!(properties.of("num-queues"), Some(Builtin::Integer));
        assert_eq!(properties.of("disable-legacy"), Some(Builtin::Text));
        assert_eq!(properties.of("share-rw"), Some(Builtin::Boolean));
        assert_eq!(properties.of("drive"), Some(Builtin::Text));
        assert_eq!(properties.names().count(), 4);
        assert_eq!(Properties::parse(&json!("x")).names().count(), 0);
    }
}
