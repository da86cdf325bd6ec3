//! A schema made by hand, for what cannot tell its own.

use super::model::{Command, Object, Schema, Type, TypeId};

/// A schema to which types and commands are added.
#[derive(Debug, Default)]
pub struct Builder {
    schema: Schema,
}

impl Builder {
    /// Adds a type. Those that it refers to are added before it, so that types never go in circles.
    pub fn add(&mut self, kind: Type) -> TypeId {
        // A table written by hand is far smaller than that.
        let id = TypeId(u32::try_from(self.schema.types.len()).unwrap_or(u32::MAX));
        self.schema.types.push(kind);
        id
    }

    /// Adds a command.
    pub fn command(&mut self, command: Command) {
        self.schema.commands.insert(command.name.clone(), command);
    }

    /// Adds a command of which nothing but the name is known, unless it is there.
    pub fn unless_known(&mut self, name: &str) {
        if self.schema.commands.contains_key(name) {
            return;
        }
        let arguments = self.add(Type::Object(Object::default()));
        let returns = self.add(Type::Builtin(super::Builtin::Any));
        self.schema.open.insert(name.to_owned());
        self.command(Command {
            name: name.to_owned(),
            arguments,
            returns,
            allow_oob: false,
            features: super::Features::default(),
        });
    }

    /// The schema.
    pub fn schema(self) -> Schema {
        self.schema
    }
}
