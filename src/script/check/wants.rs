//! Values that a function of a standard module cannot take: it calls what is no function, goes through what is no list, or hands
//! it to a function that takes no such value. Where it looks what it was given, or gives it another value, nothing is certain.

use std::collections::BTreeSet;

use super::functions::{Fault, at, ordinal};
use super::kinds::{Kind, Native, Natives};
use super::seen::Call;
use super::texts::{Text, Texts, function};
use super::uses::{Parameter, Use, uses};
use crate::report::Report;

/// Whether a value will do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Fits,
    Refused,
    /// Nothing can be told.
    Open,
}

/// What is wrong with the kinds of values that a call gives a standard module's function.
pub(super) fn fault(
    call: &Call,
    module: &Text,
    texts: &mut Texts,
    natives: &Natives,
) -> Option<Fault> {
    let own = module.definition(&call.name, Some(call.arguments.len()))?;
    if !module.source.starts_with("std/") {
        return None;
    }
    for (place, kind) in call.kinds.iter().enumerate() {
        let Some(kind) = kind.as_ref().filter(|kind| is_plain(kind)) else {
            continue;
        };
        let parameter = (function(call), place);
        let mut asked = Asked {
            natives,
            kind,
            seen: BTreeSet::new(),
        };
        if asked.verdict(module, parameter, texts) == Verdict::Refused {
            let message = format!(
                "`{}` cannot take {} as its {} argument",
                call.name,
                kind.told(),
                ordinal(place)
            );
            let names: Vec<&str> = own.params.iter().map(AsRef::as_ref).collect();
            let shape = format!("it is `{}({})`", call.name, names.join(", "));
            let position = call.arguments[place].place("").unwrap_or(call.position);
            return Some(at(&Report::usage(message).with_hint(shape), position));
        }
    }
    None
}

/// Nothing stands for what was left out, and of handles much is known by the run alone.
fn is_plain(kind: &Kind) -> bool {
    !matches!(kind, Kind::Nothing | Kind::Handle(_))
}

/// A value that is followed.
struct Asked<'a> {
    natives: &'a Natives,
    kind: &'a Kind,
    seen: BTreeSet<(String, Parameter)>,
}

impl Asked<'_> {
    /// Whether a parameter can be such a value.
    fn verdict(&mut self, module: &Text, parameter: Parameter, texts: &mut Texts) -> Verdict {
        if !self.seen.insert((module.source.clone(), parameter.clone())) {
            return Verdict::Fits;
        }
        let ((name, count), place) = parameter;
        let Some(own) = module.definition(&name, Some(count)) else {
            return Verdict::Open;
        };
        let verdicts = uses(own, &own.params[place]).into_iter();
        // What is refused in a `try` is what the function is ready for.
        let verdicts = verdicts.map(|(one, is_tried)| match self.of_use(one, module, texts) {
            Verdict::Refused if is_tried => Verdict::Fits,
            verdict => verdict,
        });
        verdicts.max().unwrap_or(Verdict::Fits)
    }

    fn of_use(&mut self, one: Use, module: &Text, texts: &mut Texts) -> Verdict {
        let is_refused = match one {
            Use::Replaced => return Verdict::Open,
            Use::Captured(closure, place) => {
                let count = module
                    .definition(&closure, None)
                    .map(|own| own.params.len());
                return count.map_or(Verdict::Open, |count| {
                    self.verdict(module, ((closure, count), place), texts)
                });
            }
            Use::Passed(Some(alias), to) => {
                let other = texts.imported(&module.source, &module.seen, &alias);
                return other.map_or(Verdict::Open, |other| self.verdict(&other, to, texts));
            }
            Use::Passed(None, ((name, _), _)) | Use::Method(name, _) if name == "type_of" => {
                return Verdict::Open;
            }
            Use::Passed(None, to) if module.definition(&to.0.0, Some(to.0.1)).is_some() => {
                return self.verdict(module, to, texts);
            }
            Use::Passed(None, ((name, count), place)) => self.no_native_takes(&name, count, place),
            Use::Method(name, _) if name == "call" => *self.kind != Kind::Function,
            Use::Method(name, count) => {
                module.definition(&name, Some(count)).is_none()
                    && *self.kind != Kind::Map
                    && self.no_native_takes(&name, count + 1, 0)
            }
            Use::Member(name) => *self.kind != Kind::Map && !self.has(&name),
            Use::Walked => matches!(
                self.kind,
                Kind::Bool | Kind::Int | Kind::Float | Kind::Function
            ),
            Use::Asked(_) | Use::Open => false,
        };
        if is_refused {
            Verdict::Refused
        } else {
            Verdict::Fits
        }
    }

    /// Whether it has a property of that name.
    fn has(&self, name: &str) -> bool {
        let getter = format!("get${name}");
        let mut getters = self.natives.taking(&getter, 1, Some(self.kind));
        getters.next().is_some()
    }

    /// Whether there are functions of that name, and none takes the value there.
    fn no_native_takes(&self, name: &str, count: usize, place: usize) -> bool {
        let natives = self.natives.named(name).iter();
        let mut natives = natives
            .filter(|native: &&Native| native.count() == count)
            .peekable();
        natives.peek().is_some()
            && natives.all(|one| !self.natives.fits(one, place, Some(self.kind)))
    }
}
