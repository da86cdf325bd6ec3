//! Integers above i64's largest, in scripts. JSON has them (sizes, addresses, cookies); Rhai's integer does not. Such a
//! number is a `u64` value, and what is calculated with one is exact: a result is an integer again where it fits,
//! a `u64` where that fits, else an error. Nothing turns into a float unless a float takes part.

use rhai::{Dynamic, Engine, EvalAltResult, LexError, Position, Token};

type Outcome = Result<Dynamic, Box<EvalAltResult>>;

/// Registers arithmetic, comparison and text forms of `u64`.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<u64>("u64");
    arithmetic(engine);
    comparison(engine);
    text(engine);
    engine
        .register_fn("to_float", as_float)
        .register_fn("to_int", |value: u64| {
            i64::try_from(value)
                .map_err(|_| failure(format!("{value} does not fit a signed integer")))
        })
        .register_fn("abs", |value: u64| value)
        .register_fn("sign", |value: u64| i64::from(value > 0))
        .register_fn("parse_int", |text: &str| {
            text.trim()
                .parse::<i128>()
                .map_err(|_| failure(format!("`{text}` is no integer")))
                .and_then(exact)
        })
        .register_fn("-", |value: u64| exact(-i128::from(value)))
        .register_fn("+", |value: u64| value);
}

/// A literal that is no Rhai integer would silently become a float; here it is an error that says what to write.
pub(super) fn exact_literal(token: Token) -> Token {
    match &token {
        Token::FloatConstant(literal) if is_integer(&literal.1) => {
            let message = format!(
                "the integer {0} does not fit; write parse_int(\"{0}\") if it is meant",
                literal.1
            );
            Token::LexError(Box::new(LexError::ImproperSymbol(
                literal.1.to_string(),
                message,
            )))
        }
        _ => token,
    }
}

fn is_integer(literal: &str) -> bool {
    literal
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// The narrowest script value that holds `value` exactly.
pub(super) fn exact(value: i128) -> Outcome {
    i64::try_from(value)
        .map(Dynamic::from)
        .or_else(|_| u64::try_from(value).map(Dynamic::from))
        .map_err(|_| {
            failure(format!(
                "{value} fits neither a signed nor an unsigned 64-bit integer"
            ))
        })
}

fn failure(message: String) -> Box<EvalAltResult> {
    EvalAltResult::ErrorArithmetic(message, Position::NONE).into()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "who mixes in a float asks for that"
)]
fn as_float(value: u64) -> f64 {
    value as f64
}

fn integers(engine: &mut Engine, name: &str, operation: fn(i128, i128) -> Outcome) {
    engine
        .register_fn(name, move |x: u64, y: u64| operation(x.into(), y.into()))
        .register_fn(name, move |x: u64, y: i64| operation(x.into(), y.into()))
        .register_fn(name, move |x: i64, y: u64| operation(x.into(), y.into()));
}

fn floats(engine: &mut Engine, name: &str, operation: fn(f64, f64) -> f64) {
    engine
        .register_fn(name, move |x: u64, y: f64| operation(as_float(x), y))
        .register_fn(name, move |x: f64, y: u64| operation(x, as_float(y)));
}

fn arithmetic(engine: &mut Engine) {
    fn checked(operator: &str, x: i128, y: i128, result: Option<i128>) -> Outcome {
        result
            .ok_or_else(|| failure(format!("{x} {operator} {y} cannot be calculated")))
            .and_then(exact)
    }
    integers(engine, "+", |x, y| checked("+", x, y, x.checked_add(y)));
    integers(engine, "-", |x, y| checked("-", x, y, x.checked_sub(y)));
    integers(engine, "*", |x, y| checked("*", x, y, x.checked_mul(y)));
    integers(engine, "/", |x, y| checked("/", x, y, x.checked_div(y)));
    integers(engine, "%", |x, y| checked("%", x, y, x.checked_rem(y)));
    integers(engine, "**", |x, y| {
        checked(
            "**",
            x,
            y,
            u32::try_from(y).ok().and_then(|y| x.checked_pow(y)),
        )
    });
    integers(engine, "&", |x, y| exact(x & y));
    integers(engine, "|", |x, y| exact(x | y));
    integers(engine, "^", |x, y| exact(x ^ y));
    // Shifts keep 64 bits, as they do for an integer.
    integers(engine, "<<", |x, y| shifted("<<", x, y, u64::checked_shl));
    integers(engine, ">>", |x, y| shifted(">>", x, y, u64::checked_shr));
    integers(engine, "max", |x, y| exact(x.max(y)));
    integers(engine, "min", |x, y| exact(x.min(y)));
    floats(engine, "+", |x, y| x + y);
    floats(engine, "-", |x, y| x - y);
    floats(engine, "*", |x, y| x * y);
    floats(engine, "/", |x, y| x / y);
    floats(engine, "%", |x, y| x % y);
    floats(engine, "**", f64::powf);
    floats(engine, "max", f64::max);
    floats(engine, "min", f64::min);
}

fn shifted(operator: &str, x: i128, y: i128, shift: fn(u64, u32) -> Option<u64>) -> Outcome {
    match (u64::try_from(x), u32::try_from(y)) {
        (Ok(x), Ok(y)) => exact(shift(x, y).unwrap_or(0).into()),
        _ => Err(failure(format!("{x} {operator} {y} cannot be calculated"))),
    }
}

fn comparison(engine: &mut Engine) {
    macro_rules! compare {
        ($($operator:tt)*) => {$(
            engine
                .register_fn(stringify!($operator), |x: u64, y: u64| x $operator y)
                .register_fn(stringify!($operator), |x: u64, y: i64| i128::from(x) $operator i128::from(y))
                .register_fn(stringify!($operator), |x: i64, y: u64| i128::from(x) $operator i128::from(y))
                .register_fn(stringify!($operator), |x: u64, y: f64| as_float(x) $operator y)
                .register_fn(stringify!($operator), |x: f64, y: u64| x $operator as_float(y));
        )*};
    }
    #[expect(clippy::float_cmp, reason = "the script asked for exactly that")]
    {
        compare!(== != < <= > >=);
    }
}

fn text(engine: &mut Engine) {
    engine
        .register_fn("to_string", |value: u64| value.to_string())
        .register_fn("to_debug", |value: u64| value.to_string())
        .register_fn("print", |value: u64| value.to_string())
        .register_fn("debug", |value: u64| value.to_string())
        .register_fn("to_hex", |value: u64| format!("{value:x}"))
        .register_fn("to_octal", |value: u64| format!("{value:o}"))
        .register_fn("to_binary", |value: u64| format!("{value:b}"))
        .register_fn("+", |text: &str, value: u64| format!("{text}{value}"))
        .register_fn("+", |value: u64, text: &str| format!("{value}{text}"));
}

#[cfg(test)]
mod tests {
    use rhai::{Dynamic, Engine, Scope};

    fn eval(script: &str) -> Dynamic {
        let mut engine = Engine::new();
        super::register(&mut engine);
        let mut scope = Scope::new();
        scope.push("big", u64::MAX).push("half", 1_u64 << 63);
        engine
            .eval_with_scope(&mut scope, script)
            .unwrap_or_else(|error| error.to_string().into())
    }

    #[test]
    fn what_fits_a_signed_integer_becomes_one_again() {
        for (script, expected) in [
            ("half - 1", i64::MAX),
            ("-half", i64::MIN),
            ("big / half", 1),
            ("big % 10", 5),
            ("half - half", 0),
            ("big & 255", 255),
            ("half >> 62", 2),
            ("min(big, 7)", 7),
            ("1 - 0 * half", 1),
            ("parse_int(\"42\")", 42),
        ] {
            assert_eq!(eval(script).as_int(), Ok(expected), "{script}");
        }
    }

    #[test]
    fn what_needs_all_64_bits_stays_exact() {
        for (script, expected) in [
            ("half + (half - 1)", u64::MAX),
            ("9223372036854775807 + half", u64::MAX),
            ("big", u64::MAX),
            ("+big", u64::MAX),
            ("big - 1", u64::MAX - 1),
            ("max(1, big)", u64::MAX),
            ("half | 1", (1 << 63) + 1),
            ("let x = half; x += 1; x", (1 << 63) + 1),
            ("parse_int(\"18446744073709551615\")", u64::MAX),
        ] {
            assert_eq!(
                eval(script).clone().try_cast::<u64>(),
                Some(expected),
                "{script}: {}",
                eval(script)
            );
        }
    }

    #[test]
    fn what_fits_neither_is_an_error_with_the_numbers() {
        for script in [
            "big + 1",
            "big * 2",
            "-big",
            "1 - big",
            "big / 0",
            "big ** 2",
            "big % 0",
            "big.to_int()",
        ] {
            let shown = eval(script).to_string();
            assert!(
                shown.contains("18446744073709551615") || shown.contains("fits neither"),
                "{script}: {shown}"
            );
        }
    }

    #[test]
    fn it_compares_with_every_number_by_value() {
        for script in [
            "big > 9223372036854775807",
            "big > -1",
            "-1 < big",
            "half == half",
            "half != big",
            "half == half + 0",
            "1 != half",
            "!(1 == half)",
            "big > 1.5",
            "1.5 < big",
            "half == 9223372036854775808.0",
            "[big] == [big]",
            "#{a: half} == #{a: half}",
            "half in [1, half]",
        ] {
            assert_eq!(
                eval(script).as_bool(),
                Ok(true),
                "{script}: {}",
                eval(script)
            );
        }
    }

    #[test]
    fn it_reads_as_its_digits_wherever_it_is_shown() {
        for (script, expected) in [
            ("big.to_string()", "18446744073709551615"),
            ("`${big}`", "18446744073709551615"),
            ("\"n\" + big", "n18446744073709551615"),
            ("[big].to_string()", "[18446744073709551615]"),
            ("#{a: big}.to_string()", "#{\"a\": 18446744073709551615}"),
            ("big.to_hex()", "ffffffffffffffff"),
            ("type_of(big)", "u64"),
        ] {
            assert_eq!(eval(script).to_string(), expected, "{script}");
        }
    }

    #[test]
    fn a_float_makes_it_a_float() {
        assert_eq!(
            eval("half * 0.5").as_float(),
            Ok(4_611_686_018_427_387_904.0)
        );
        assert_eq!(
            eval("half.to_float()").as_float(),
            Ok(9_223_372_036_854_775_808.0)
        );
    }
}
