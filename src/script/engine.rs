//! The Rhai engine as qmpsh sets it up: which of its features scripts have, its limits, and the functions of `api`.

use rhai::packages::{Package, StandardPackage};
use rhai::{Dynamic, Engine, ParseError};

use super::bound::BoundNames;
use super::caught::Catchers;
use super::convert::Null;
use super::library::Library;
use super::{api, lookup, number, own, run, with, words};

/// How deep functions may call each other. With the nesting below, the deepest script that compiles stays within the
/// stack of its thread; a test holds that.
const CALL_DEPTH: usize = 128;

/// How deep expressions may nest, at the top level and in functions.
const EXPRESSION_DEPTH: (usize, usize) = (128, 64);

/// An engine whose scripts import from `library`, and see `args` as their run has it.
pub(super) fn build(library: Library) -> Result<Engine, ParseError> {
    let mut engine = Engine::new_raw();
    engine.register_global_module(StandardPackage::new().as_shared_module());
    // Rhai's optimizer calls functions while compiling and changes what `switch` and constants mean in closures.
    engine.set_optimization_level(rhai::OptimizationLevel::None);
    engine.set_max_call_levels(CALL_DEPTH);
    engine.set_max_expr_depths(EXPRESSION_DEPTH.0, EXPRESSION_DEPTH.1);
    // A text that becomes code at run time could not be checked, nor its errors shown with their line.
    engine.disable_symbol("eval");
    engine.set_module_resolver(library.clone());
    engine.on_progress(|operations| run::poll_stop(operations).map(Dynamic::from));
    volatile(&mut engine, library);
    with::register(&mut engine)?;
    own::register(&mut engine)?;
    number::register(&mut engine);
    api::register(&mut engine);
    Ok(engine)
}

/// The parts of Rhai that it marks as deprecated to say that they may change; its version is pinned.
#[expect(deprecated, reason = "see above")]
fn volatile(engine: &mut Engine, library: Library) {
    let bound = BoundNames::default();
    let catchers = Catchers::default();
    let (seen, caught) = (bound.clone(), catchers.clone());
    engine.on_parse_token(move |token, _, _| {
        seen.pass(&token);
        caught.pass(&token);
        words::named(number::exact_literal(token))
    });
    // Not a variable of the scope, which functions do not see, but one that they may shadow.
    engine.on_var(move |name, index, mut context| {
        catchers.look_at(name, &mut context, &library);
        if index != 0 || context.scope().contains(name) {
            return Ok(None);
        }
        Ok(match name {
            "args" => Some(run::current()?.run().args().clone()),
            "host" => Some(api::host()),
            "null" => Some(Dynamic::from(Null)),
            _ => lookup::function(name, &mut context)
                .or_else(|| bound.contains(name).then_some(Dynamic::UNIT)),
        })
    });
}
