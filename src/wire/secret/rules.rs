//! What counts as a secret: the one table of it. The files beside this one say where it is looked for.
//!
//! Names decide, not values: of members, options, variables and headers. A name is read as words (`DB_PASSWORD`,
//! `dbPassword` and `db-password` are the same two), so that `tokenizer` and `compass` are none.

/// Words that call a secret, wherever in a name they stand.
const WORDS: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pass",
    "pwd",
    "pw",
    "secret",
    "token",
    "tok",
    "cookie",
    "credential",
    "authorization",
    "sshpass",
];

/// What words end with that are written together: `PGPASSWORD`, `authtoken`.
const ENDINGS: [&str; 6] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
];

/// Words before a last `key` that make it a secret one; all other keys are those of keyboards, tables and lists.
const KEYS: [&str; 10] = [
    "api",
    "access",
    "private",
    "secret",
    "auth",
    "encryption",
    "signing",
    // Of LUKS: words are looked at in the singular.
    "luk",
    "crypt",
    "master",
];

/// Last words of names that are about a secret and hold none: `password-file`, `token_ttl`, `passwords-required`.
const ABOUT: [&str; 33] = [
    "algorithm",
    "age",
    "command",
    "count",
    "day",
    "dir",
    "directory",
    "enabled",
    "endpoint",
    "expire",
    "expiration",
    "expiry",
    "fd",
    "file",
    "filename",
    "format",
    "id",
    "length",
    "limit",
    "max",
    "method",
    "min",
    "mode",
    "name",
    "path",
    "policy",
    "prompt",
    "required",
    "stdin",
    "time",
    "ttl",
    "type",
    "url",
];

/// Names that would be secret by their words, and are none.
const HARMLESS: [&str; 9] = [
    // Members of QEMU's that hold the id of a secret object.
    "key-secret",
    "password-secret",
    "proxy-password-secret",
    "cookie-secret",
    "old-secret",
    "new-secret",
    // Where a shell is, and was.
    "PWD",
    "OLDPWD",
    // Which of several secrets: its serial number in the kernel's keyring.
    "secret_keyring",
];

/// Properties of objects that hold a secret under a name that elsewhere is harmless.
const PROPERTIES: [&str; 2] = ["data", "rawdata"];

/// Members whose text is a program's input, which is how one is handed a password.
pub(super) const INPUTS: [&str; 1] = ["input-data"];

/// Members whose text is bytes in base64: files' content and what programs wrote. Nothing is looked for in them.
pub(super) const BYTES: [&str; 3] = ["buf-b64", "out-data", "err-data"];

/// Lines of the human monitor: the command, the words that stand behind it (`*` is any), and after them the secret, to
/// the line's end.
pub(super) const MONITOR_LINES: [(&str, &[&str]); 4] = [
    ("set_password", &["*"]),
    ("block_passwd", &["*"]),
    ("change", &["*", "password"]),
    ("change", &["*", "passwd"]),
];

/// How an option of a program's takes its secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// In the next word, or written together with it.
    Either,
    /// Written together with it only; alone it is something else.
    Together,
    /// In the next word: `user:password`, of which the user is shown.
    AfterUser,
}

/// Options of programs that hold a secret, and whose names do not tell.
pub(super) const PROGRAMS: [(&str, &str, Taken); 41] = [
    ("docker login", "-p", Taken::Either),
    ("sshpass", "-p", Taken::Either),
    ("mysql", "-p", Taken::Together),
    ("mysqldump", "-p", Taken::Together),
    ("mysqladmin", "-p", Taken::Together),
    ("mysqlimport", "-p", Taken::Together),
    ("mariadb", "-p", Taken::Together),
    ("mariadb-dump", "-p", Taken::Together),
    ("mariadb-admin", "-p", Taken::Together),
    ("useradd", "-p", Taken::Either),
    ("usermod", "-p", Taken::Either),
    ("curl", "-u", Taken::AfterUser),
    ("curl", "--user", Taken::AfterUser),
    ("curl", "-U", Taken::AfterUser),
    ("curl", "--proxy-user", Taken::AfterUser),
    ("lftp", "-u", Taken::AfterUser),
    ("smbclient", "-U", Taken::AfterUser),
    ("rpcclient", "-U", Taken::AfterUser),
    ("ipmitool", "-P", Taken::Either),
    ("ldapsearch", "-w", Taken::Either),
    ("ldapadd", "-w", Taken::Either),
    ("ldapmodify", "-w", Taken::Either),
    ("ldapdelete", "-w", Taken::Either),
    ("ldapwhoami", "-w", Taken::Either),
    ("ldappasswd", "-w", Taken::Either),
    ("ldappasswd", "-s", Taken::Either),
    ("ldappasswd", "-a", Taken::Either),
    ("redis-cli", "-a", Taken::Either),
    ("mongo", "-p", Taken::Either),
    ("mongosh", "-p", Taken::Either),
    ("mongodump", "-p", Taken::Either),
    ("mongorestore", "-p", Taken::Either),
    ("sqlcmd", "-P", Taken::Either),
    ("mosquitto_pub", "-P", Taken::Either),
    ("mosquitto_sub", "-P", Taken::Either),
    ("zip", "-P", Taken::Either),
    ("unzip", "-P", Taken::Either),
    ("7z", "-p", Taken::Together),
    ("7za", "-p", Taken::Together),
    ("openssl", "-k", Taken::Either),
    ("openssl", "-K", Taken::Either),
];

/// Programs of which a word makes another, with options of its own: behind `docker login` the `-p` is a password, and
/// behind `docker run` a port.
pub(super) const SUBCOMMANDS: [(&str, &str, &str); 8] = [
    ("docker", "login", "docker login"),
    ("podman", "login", "docker login"),
    ("nerdctl", "login", "docker login"),
    ("buildah", "login", "docker login"),
    ("skopeo", "login", "docker login"),
    ("helm", "login", "docker login"),
    ("oc", "login", "docker login"),
    ("az", "login", "docker login"),
];

/// Names in the query of a URL with which it is signed: who has the signature has what it is for.
pub(super) const SIGNATURES: [&str; 4] =
    ["sig", "signature", "x-amz-signature", "x-goog-signature"];

/// Programs without such options that others start, as `sshpass` does: behind them the options are theirs.
pub(super) const STARTED: [&str; 4] = ["ssh", "scp", "sftp", "rsync"];

/// Programs that take a secret by its place: behind these words, of which `*` is any.
pub(super) const PLACES: [(&str, &[&str]); 3] = [
    ("net", &["user", "*"]),
    ("virsh", &["secret-set-value", "*"]),
    ("virsh", &["set-user-password", "*", "*"]),
];

/// What stands in SQL before a password in quotes.
pub(super) const SQL: [&str; 3] = ["identified by", "with password", "encrypted password"];

/// Programs that read a secret from their standard input: what a line of shell has `echo` or `printf` tell them.
pub(super) const READERS: [&str; 5] =
    ["chpasswd", "passwd", "cryptsetup", "smbpasswd", "vncpasswd"];

/// Options with which any program does.
pub(super) const READING: [&str; 2] = ["--password-stdin", "--passphrase-fd"];

/// Words beside which a line that somebody typed may have a secret though no rule finds one in it.
const TYPED: [&str; 11] = [
    "passw",
    "passphrase",
    "secret",
    "token",
    "cookie",
    "credential",
    "api_key",
    "private_key",
    "rawdata",
    "input-data",
    "input:",
];

/// Whether what goes by this name is a secret: a member, an option, a variable of the environment, a header. Of a name
/// with dots any part may be the one.
pub fn is_secret(name: &str) -> bool {
    name.split('.').any(is_secret_part)
}

/// Whether a property of an object holds a secret.
pub(super) fn is_secret_property(name: &str) -> bool {
    PROPERTIES.contains(&name) || is_secret(name)
}

/// Whether a typed line has a word that goes with a secret.
pub(super) fn has_word_of_secrets(line: &str) -> bool {
    let line = line.to_lowercase();
    TYPED.iter().any(|word| line.contains(word))
}

fn is_secret_part(name: &str) -> bool {
    let name = name.trim_start_matches('-');
    if HARMLESS.contains(&name) {
        return false;
    }
    let words = words(name);
    let Some((last, before)) = words.split_last() else {
        return false;
    };
    if ABOUT.contains(&last.as_str()) {
        return false;
    }
    let is_key = last == "key"
        && before
            .last()
            .is_some_and(|word| KEYS.contains(&word.as_str()));
    let tells = |word: &String| {
        WORDS.contains(&word.as_str()) || ENDINGS.iter().any(|ending| word.ends_with(ending))
    };
    is_key || words.iter().any(tells)
}

/// The words of a name: in lower case, without digits behind them, and in the singular.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let characters: Vec<char> = name.chars().collect();
    for (at, &character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| characters[at]);
        let after = characters.get(at + 1);
        let begins = character.is_uppercase()
            && before.is_some_and(|before| {
                !before.is_uppercase() || after.is_some_and(|after| after.is_lowercase())
            });
        if begins || !character.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| character.is_alphanumeric()) {
            word.extend(character.to_lowercase());
        }
    }
    let words = words.into_iter().map(|word| {
        let word = word.trim_end_matches(|last: char| last.is_ascii_digit());
        let singular = word.strip_suffix('s').filter(|rest| !rest.ends_with('s'));
        singular.unwrap_or(word).to_owned()
    });
    words.filter(|word| !word.is_empty()).collect()
}
