//! What values are as far as a script's text tells: what is written out, and the handles that functions of ours give. With it,
//! which of the functions that are there take a value, and what they give.

use std::any::TypeId;
use std::collections::BTreeMap;

use rhai::{Array, Blob, Dynamic, Engine, Expr, FnCallExpr, FnPtr, ImmutableString, Map, Stmt};

use crate::script::api::readers::{Reader, reader};

/// How a function tells of a parameter that it takes options by it.
const OPTIONS: &str = "options: map";

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nothing,
    Bool,
    Int,
    Float,
    Char,
    Text,
    /// A list, and what all in it are if that is known.
    List(Option<Box<Kind>>),
    Map,
    Function,
    /// A thing outside of the script, by the name of its type: `vm`, `agent`.
    Handle(String),
}

impl Kind {
    /// What an expression is that is written out.
    pub(super) fn literal(expression: &Expr) -> Option<Self> {
        Some(match expression {
            Expr::Unit(_) => Self::Nothing,
            Expr::BoolConstant(..) => Self::Bool,
            Expr::IntegerConstant(..) => Self::Int,
            Expr::FloatConstant(..) => Self::Float,
            Expr::CharConstant(..) => Self::Char,
            Expr::StringConstant(..) | Expr::InterpolatedString(..) => Self::Text,
            Expr::Array(..) => Self::List(None),
            Expr::Map(..) => Self::Map,
            // A closure that captures variables.
            Expr::Stmt(block) => match block.statements().last()? {
                Stmt::Expr(last) if closure(last).is_some() => Self::Function,
                _ => return None,
            },
            _ if closure(expression).is_some() => Self::Function,
            _ => return None,
        })
    }

    pub(super) fn handle(name: &str) -> Self {
        Self::Handle(name.to_owned())
    }

    /// Whether it is the thing of that name.
    pub(super) fn is_handle(&self, name: &str) -> bool {
        matches!(self, Self::Handle(own) if own == name)
    }

    /// The same to people.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Nothing => "nothing, `()`".to_owned(),
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Int => "an integer".to_owned(),
            Self::Float => "a number with a fraction".to_owned(),
            Self::Char => "a single character, `'x'`".to_owned(),
            Self::Text => "text".to_owned(),
            Self::List(_) => "an array".to_owned(),
            Self::Map => "a map".to_owned(),
            Self::Function => "a function".to_owned(),
            Self::Handle(name) => format!("a value of type {name}"),
        }
    }

    /// What a run calls its type.
    pub(super) fn type_name(&self) -> String {
        match self {
            Self::Nothing => "()",
            Self::Bool => "bool",
            Self::Int => "i64",
            Self::Float => "f64",
            Self::Char => "char",
            Self::Text => "string",
            Self::List(_) => "array",
            Self::Map => "map",
            Self::Function => "Fn",
            Self::Handle(name) => name,
        }
        .to_owned()
    }

    /// What each item of it is.
    pub(super) fn item(self) -> Option<Self> {
        match self {
            Self::List(item) => item.map(|item| *item),
            _ => None,
        }
    }
}

/// The function that a closure becomes, and the variables that it captures.
pub(super) fn closure(expression: &Expr) -> Option<(String, &[Expr])> {
    match expression {
        Expr::DynamicConstant(value, _) => Some((pointed(value)?, &[])),
        Expr::FnCall(call, _) => closure_of(call),
        _ => None,
    }
}

/// The same of one that captures variables: as Rhai sees it, the call that gives it their values.
pub(super) fn closure_of(call: &FnCallExpr) -> Option<(String, &[Expr])> {
    match call.args.split_first()? {
        (Expr::DynamicConstant(value, _), captured) if call.name == "curry" => {
            Some((pointed(value)?, captured))
        }
        _ => None,
    }
}

fn pointed(value: &Dynamic) -> Option<String> {
    Some(value.read_lock::<FnPtr>()?.fn_name().to_owned())
}

/// A function that is there in each script.
pub(super) struct Native {
    takes: Vec<TypeId>,
    /// Which of them are lengths of time.
    times: Vec<bool>,
    /// Which of them are its options, and what reads those.
    options: Option<(usize, Reader)>,
    /// The name of the type of its result, as its documentation has it.
    gives: String,
}

/// All functions that are there in each script.
pub(super) struct Natives {
    functions: BTreeMap<String, Vec<Native>>,
    /// The types of things outside of scripts.
    handles: BTreeMap<String, TypeId>,
}

impl Natives {
    pub(super) fn of(engine: &Engine) -> Self {
        let all = engine.collect_fn_metadata(
            None,
            |info| {
                let function = info.metadata;
                let info = &function.params_info;
                let native = Native {
                    takes: function.param_types.iter().copied().collect(),
                    times: info.iter().map(|name| name.ends_with(": time")).collect(),
                    options: options_of(&function.name, info),
                    gives: function.return_type.to_string(),
                };
                let first = info.first().map(ToString::to_string);
                Some((function.name.to_string(), first, native))
            },
            true,
        );
        let (mut functions, mut handles) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::new());
        for (name, first, native) in all {
            let of_handle = first.zip(native.takes.first());
            if let Some((handle, id)) = of_handle.filter(|(_, id)| !is_rhais(**id)) {
                if !handle.contains(':') {
                    handles.insert(handle, *id);
                }
            }
            functions.entry(name).or_default().push(native);
        }
        Self { functions, handles }
    }

    /// All functions of a name.
    pub(super) fn named(&self, name: &str) -> &[Native] {
        self.functions.get(name).map_or(&[], Vec::as_slice)
    }

    /// Those that take that many values, with a first one of this kind.
    pub(super) fn taking<'a>(
        &'a self,
        name: &str,
        count: usize,
        first: Option<&'a Kind>,
    ) -> impl Iterator<Item = &'a Native> {
        let is_it = move |native: &&Native| native.count() == count && self.fits(native, 0, first);
        self.named(name).iter().filter(is_it)
    }

    /// Whether a function takes such a value at that place; one that is not known may be any.
    pub(super) fn fits(&self, native: &Native, at: usize, kind: Option<&Kind>) -> bool {
        let (Some(kind), Some(id)) = (kind, native.takes.get(at)) else {
            return true;
        };
        let is = |own: TypeId| *id == own;
        let fits = match kind {
            Kind::Nothing => is(TypeId::of::<()>()),
            Kind::Bool => is(TypeId::of::<bool>()),
            Kind::Int => is(TypeId::of::<i64>()),
            Kind::Float => is(TypeId::of::<f64>()),
            Kind::Char => is(TypeId::of::<char>()),
            Kind::Text => is_text(*id),
            Kind::List(_) => is(TypeId::of::<Array>()),
            Kind::Map => is(TypeId::of::<Map>()),
            Kind::Function => is(TypeId::of::<FnPtr>()),
            // One whose type is not known may be any.
            Kind::Handle(name) => self.handles.get(name).is_none_or(|own| is(*own)),
        };
        fits || is(TypeId::of::<Dynamic>())
    }

    /// What a call of a function gives, where that is one thing that is known.
    pub(super) fn result(&self, name: &str, count: usize, first: Option<&Kind>) -> Option<Kind> {
        if name == "vms" && !matches!(first, Some(Kind::Handle(_))) {
            return Some(Kind::List(Some(Box::new(Kind::handle("vm")))));
        }
        let mut given = self.taking(name, count, first).map(|one| &one.gives);
        let one = given.next()?;
        // The commands of a QEMU are none of its functions.
        if !given.all(|other| other == one) {
            return None;
        }
        let is_handle = one == "qmp" || self.handles.contains_key(one);
        match one.as_str() {
            "()" => Some(Kind::Nothing),
            _ => is_handle.then(|| Kind::handle(one)),
        }
    }
}

impl Native {
    /// Whether it takes a length of time there.
    pub(super) fn takes_time(&self, at: usize) -> bool {
        self.times.get(at) == Some(&true)
    }

    /// Which of them are its options, counted without the thing that it is a method of, and what reads those.
    pub(super) fn options(&self, is_method: bool) -> Option<(usize, Reader)> {
        let (at, reader) = self.options?;
        Some((at.checked_sub(usize::from(is_method))?, reader))
    }

    /// How many values it takes.
    pub(super) fn count(&self) -> usize {
        self.takes.len()
    }
}

/// Which parameter of a function are its options.
fn options_of<T: AsRef<str>>(function: &str, parameters: &[T]) -> Option<(usize, Reader)> {
    let is_options = |parameter: &T| parameter.as_ref() == OPTIONS;
    let at = parameters.iter().position(is_options)?;
    let first = parameters.first()?.as_ref();
    let handle = if first.contains(':') { "" } else { first };
    Some((at, reader(handle, function)?))
}

fn is_text(id: TypeId) -> bool {
    [
        TypeId::of::<ImmutableString>(),
        TypeId::of::<&str>(),
        TypeId::of::<String>(),
    ]
    .contains(&id)
}

/// Whether values of that type are a matter of Rhai's.
fn is_rhais(id: TypeId) -> bool {
    let plain = [
        TypeId::of::<Dynamic>(),
        TypeId::of::<()>(),
        TypeId::of::<bool>(),
        TypeId::of::<i64>(),
        TypeId::of::<u64>(),
        TypeId::of::<f64>(),
        TypeId::of::<char>(),
        TypeId::of::<Array>(),
        TypeId::of::<Map>(),
        TypeId::of::<Blob>(),
        TypeId::of::<FnPtr>(),
    ];
    plain.contains(&id) || is_text(id)
}
