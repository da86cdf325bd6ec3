//! The guest's users: their passwords and authorized keys.

use rhai::{Array, Engine};

use super::{ask, method, words};
use crate::script::convert::from_json;
use crate::vm::GuestAgent;

pub(super) fn register(engine: &mut Engine) {
    method(
        "set_user_password",
        &["agent", "user: string", "password: string", "()"],
        r#"
        Sets a user's password (`guest-set-user-password`, QEMU 2.3).

        ```rhai
        v.agent.set_user_password("root", "correct horse");
        ```"#,
    )
    .register_into_engine(
        engine,
        |agent: &mut GuestAgent, user: &str, password: &str| {
            ask(
                agent,
                "guest-set-user-password",
                agent.set_user_password(user, password, false),
            )
        },
    );
    method(
        "set_user_password",
        &["agent", "user: string", "password: string", "crypted: bool", "()"],
        r#"
        The same with a password that is hashed already, as in `/etc/shadow`, when `crypted` is true.

        ```rhai
        v.agent.set_user_password("root", "$6$salt$hash", true);
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, user: &str, password: &str, crypted: bool| {
        ask(agent, "guest-set-user-password", agent.set_user_password(user, password, crypted))
    });
    method(
        "ssh_keys",
        &["agent", "user: string", "array"],
        r#"
        A user's authorized public keys (`guest-ssh-get-authorized-keys`, QEMU 5.2).

        ```rhai
        print(v.agent.ssh_keys("root"));
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, user: &str| {
        ask(agent, "guest-ssh-get-authorized-keys", agent.ssh_keys(user)).map(from_json)
    });
    method(
        "add_ssh_keys",
        &["agent", "user: string", "keys: array", "()"],
        r#"
        Adds public keys to a user's (`guest-ssh-add-authorized-keys`, QEMU 5.2).

        ```rhai
        v.agent.add_ssh_keys("root", ["ssh-ed25519 AAAAC3... me"]);
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, user: &str, keys: Array| {
        let keys = words("keys", keys)?;
        ask(
            agent,
            "guest-ssh-add-authorized-keys",
            agent.add_ssh_keys(user, &keys, false),
        )
    });
    method(
        "add_ssh_keys",
        &["agent", "user: string", "keys: array", "reset: bool", "()"],
        r#"
        The same; with `reset` the keys take the place of those that were there.

        ```rhai
        v.agent.add_ssh_keys("root", ["ssh-ed25519 AAAAC3... me"], true);
        ```"#,
    )
    .register_into_engine(
        engine,
        |agent: &mut GuestAgent, user: &str, keys: Array, reset: bool| {
            let keys = words("keys", keys)?;
            ask(
                agent,
                "guest-ssh-add-authorized-keys",
                agent.add_ssh_keys(user, &keys, reset),
            )
        },
    );
    method(
        "remove_ssh_keys",
        &["agent", "user: string", "keys: array", "()"],
        r#"
        Removes public keys from a user's (`guest-ssh-remove-authorized-keys`, QEMU 5.2); one that is not there is no error.

        ```rhai
        v.agent.remove_ssh_keys("root", ["ssh-ed25519 AAAAC3... me"]);
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, user: &str, keys: Array| {
        let keys = words("keys", keys)?;
        ask(agent, "guest-ssh-remove-authorized-keys", agent.remove_ssh_keys(user, &keys))
    });
}
