//! Chains of names with dots between them, as in `vm("web01").agent`, read back from where a line ends.

mod each;

use super::{Kind, Token, is_sign, unescaped};

/// A name in a chain of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The name.
    pub name: String,
    /// Whether it is called.
    pub is_call: bool,
    /// What it is called with, where that is one text written out; of an item its number, where that is.
    pub literal: Option<String>,
}

/// What a step is called that leads to an item of a list.
const ITEM: &str = "[]";

impl Step {
    /// A name that is not called.
    pub fn name(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            is_call: false,
            literal: None,
        }
    }

    /// An item of the list before it: the one of that number, or any.
    fn item(number: Option<&str>) -> Self {
        Self {
            literal: number.map(str::to_owned),
            ..Self::name(ITEM)
        }
    }

    /// Whether it leads to an item of the list before it.
    pub fn is_item(&self) -> bool {
        self.name == ITEM
    }
}

/// The names at the end of `tokens` with dots between them. None if something else stands there, a list or a number.
pub fn chain(tokens: &[Token<'_>]) -> Option<Vec<Step>> {
    let (start, steps) = chain_with_start(tokens)?;
    Some(spelled_out(steps, &tokens[..start]))
}

/// How many names in a row are followed to what they stand for.
const FOLLOWED: usize = 8;

/// The chain with its first name replaced by the chain that was given to it before in what is being typed, which was not run
/// yet: by `let`, `with`, a loop, or as the parameter of a closure for each of a list.
fn spelled_out(mut steps: Vec<Step>, mut before: &[Token<'_>]) -> Vec<Step> {
    for _ in 0..FOLLOWED {
        let Some((root, rest)) = steps.split_first().filter(|(root, _)| !root.is_call) else {
            break;
        };
        let Some((at, mut given)) = given(&root.name, before) else {
            break;
        };
        given.extend_from_slice(rest);
        (steps, before) = (given, &before[..at]);
    }
    steps
}

/// The chain that `name` was given last, and where that begins.
fn given(name: &str, tokens: &[Token<'_>]) -> Option<(usize, Vec<Step>)> {
    let is_name = |at: usize, is: &[&str]| {
        let token = tokens.get(at).filter(|token| token.kind == Kind::Name);
        token.is_some_and(|token| is.contains(&token.text))
    };
    (0..tokens.len()).rev().find_map(|at| {
        if is_name(at, &["as"]) && is_name(at + 1, &[name]) {
            let (start, steps) = chain_with_start(&tokens[..at])?;
            return Some((start, steps));
        }
        if let Some(steps) =
            each::of_loop(name, tokens, at).or_else(|| each::of_closure(name, tokens, at))
        {
            return Some((at, steps));
        }
        let value = tokens.get(at + 2).filter(|sign| is_sign(sign, &["="]));
        if value.is_none() || !is_name(at, &["let", "const"]) || !is_name(at + 1, &[name]) {
            return None;
        }
        let value = &tokens[at + 3..];
        let end = value.iter().position(|token| is_sign(token, &[";"]))?;
        let (start, steps) = chain_with_start(&value[..end])?;
        (start == 0).then_some((at, steps))
    })
}

/// The chain at the end, and where it begins.
fn chain_with_start(tokens: &[Token<'_>]) -> Option<(usize, Vec<Step>)> {
    let mut steps = Vec::new();
    let mut rest = tokens;
    loop {
        while is_sign(rest.last()?, &["]"]) {
            let open = opening(rest)?;
            let number = match &rest[open + 1..rest.len() - 1] {
                [only] if only.kind == Kind::Number => Some(only.text),
                _ => None,
            };
            steps.push(Step::item(number));
            rest = &rest[..open];
        }
        let mut step = Step::name("");
        if is_sign(rest.last()?, &[")"]) {
            let open = opening(rest)?;
            step.is_call = true;
            step.literal = match &rest[open + 1..rest.len() - 1] {
                [only] if only.kind == Kind::Text => unescaped(only.text),
                _ => None,
            };
            rest = &rest[..open];
        }
        let (name, before) = rest.split_last()?;
        // Behind these words a list begins, and nothing has an item.
        let is_word = matches!(name.text, "in" | "return" | "else");
        if name.kind != Kind::Name || is_word {
            return None;
        }
        name.text.clone_into(&mut step.name);
        steps.push(step);
        match before.split_last() {
            Some((dot, before)) if is_sign(dot, &[".", "?."]) => rest = before,
            // A function of a module's is not known by its name alone.
            Some((sign, _)) if is_sign(sign, &["::"]) => return None,
            _ => {
                steps.reverse();
                return Some((before.len(), steps));
            }
        }
    }
}

/// Where the bracket opens that the last token closes.
pub fn opening(tokens: &[Token<'_>]) -> Option<usize> {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().rev() {
        if is_sign(token, &[")", "]", "}"]) {
            depth += 1;
        } else if is_sign(token, &["(", "[", "{", "#{"]) {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Step, chain};
    use crate::repl::code::Code;

    #[test]
    fn a_chain_is_read_back_from_its_end() {
        let step = |name: &str, is_call, literal: Option<&str>| Step {
            name: name.to_owned(),
            is_call,
            literal: literal.map(str::to_owned),
        };
        let of = |text: &str| chain(&Code::of(text).tokens);
        let vm = |name| vec![step("vm", true, Some(name)), step("agent", false, None)];
        assert_eq!(of("1 + vm(\"we)b\").agent"), Some(vm("we)b")));
        assert_eq!(of("x(vm(\"a\\\"b\")?.agent"), Some(vm("a\"b")));
        assert_eq!(of("vm(name)"), Some(vec![step("vm", true, None)]));
        // What was typed before and not run yet is spelled out.
        let typed = "let w = vm(\"x\"); let a = w.agent; with a.b() as c { let d = a + 1; ";
        let names = |end: &str| {
            let steps = of(&format!("{typed}{end}")).unwrap();
            let names: Vec<String> = steps.into_iter().map(|step| step.name).collect();
            names.join(".")
        };
        assert_eq!(names("w.qmp"), "vm.qmp");
        assert_eq!(names("a"), "vm.agent");
        assert_eq!(names("c.d"), "vm.agent.b.d");
        assert_eq!(names("d"), "d");
        let item = |number| Step::item(number);
        let list = || step("vms", true, Some("web*"));
        assert_eq!(of("vms(\"web*\")[1]"), Some(vec![list(), item(Some("1"))]));
        let each = vec![list(), item(None), step("agent", false, None)];
        for text in [
            "for w in vms(\"web*\") { w.agent",
            "for (w, n) in vms(\"web*\").filter(|x| x.a) { w.agent",
            "let all = vms(\"web*\"); for w in all { if x { w.agent",
            "parallel(vms(\"web*\"), #{ jobs: 2 }, |w| { [1, w.agent",
            "x + vms(\"web*\").filter(|x| x.a).map(|w| w.agent",
            "vms(\"web*\").for_each(|w, n| w.agent",
        ] {
            assert_eq!(of(text), Some(each.clone()), "{text}");
        }
        assert_eq!(
            of("for w in [a.b(1), c] { w.agent").map(|steps| steps.len()),
            Some(3)
        );
        for text in ["parallel([v, 2], |w| w", "[v, 2].map(|w| w"] {
            assert_eq!(of(text), Some(vec![step("v", false, None)]), "{text}");
        }
        // What is closed is not there any more, and what is none of a list is not known.
        for text in [
            "for w in vms() { 1 } w",
            "vms().map(|w| w.x); w",
            "vms().reduce(|w, x| w",
            "f(vms(), |w| w",
            "for w in a + vms() { w",
        ] {
            assert_eq!(of(text), Some(vec![step("w", false, None)]), "{text}");
        }
        for text in ["", "[1]", "in [1]", "(v)", "5", "m::f()", "v.", ")"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
