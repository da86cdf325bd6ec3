//! The commands of the newest agent (QEMU 10.2) with their types, since an agent cannot be asked for them; what an agent
//! has of them is in its `guest-info`.

use super::types::{Field, Kind, Type, optional, required};

/// A command, its arguments, and its reply.
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) arguments: &'static [Field],
    pub(super) returns: Kind,
}

const fn command(name: &'static str, arguments: &'static [Field], returns: Kind) -> Entry {
    Entry {
        name,
        arguments,
        returns,
    }
}

const NOTHING: Kind = &Type::Object(&[]);
const TEXT: Kind = &Type::Text;
const INT: Kind = &Type::Int;
const NUMBER: Kind = &Type::Number;
const BOOL: Kind = &Type::Bool;
const TEXTS: Kind = &Type::List(TEXT);

const HANDLE: Field = required("handle", INT);
const USERNAME: Field = required("username", TEXT);
const KEYS: Field = required("keys", TEXTS);

const WHENCE: Kind = &Type::Either(&[INT, &Type::Enum(&["set", "cur", "end"])]);
const CAPTURE: Kind = &Type::Either(&[
    BOOL,
    &Type::Enum(&["none", "stdout", "stderr", "separated", "merged"]),
]);

/// Texts to the agent's own schema, which takes these only.
const SHUTDOWN: Kind = &Type::Enum(&["powerdown", "halt", "reboot"]);
const OPEN: Kind = &Type::Enum(&[
    "r", "rb", "w", "wb", "a", "ab", "r+", "rb+", "r+b", "w+", "wb+", "w+b", "a+", "ab+", "a+b",
]);

const VCPUS: Kind = &Type::List(&Type::Object(&[
    required("logical-id", INT),
    required("online", BOOL),
    optional("can-offline", BOOL),
]));
const MEMORY_BLOCKS: Kind = &Type::List(&Type::Object(&[
    required("phys-index", INT),
    required("online", BOOL),
    optional("can-offline", BOOL),
]));

const BUS: Kind = &Type::Enum(&[
    "ide",
    "fdc",
    "scsi",
    "virtio",
    "xen",
    "usb",
    "uml",
    "sata",
    "sd",
    "unknown",
    "ieee1394",
    "ssa",
    "fibre",
    "raid",
    "iscsi",
    "sas",
    "mmc",
    "virtual",
    "file-backed-virtual",
    "nvme",
]);
const DISK_ADDRESS: Kind = &Type::Object(&[
    required(
        "pci-controller",
        &Type::Object(&[
            required("domain", INT),
            required("bus", INT),
            required("slot", INT),
            required("function", INT),
        ]),
    ),
    required("bus-type", BUS),
    required("bus", INT),
    required("target", INT),
    required("unit", INT),
    optional("serial", TEXT),
    optional("dev", TEXT),
    optional("ccw-address", &Type::Any),
]);

/// All commands.
pub(super) const COMMANDS: &[Entry] = &[
    command("guest-sync-delimited", &[required("id", INT)], INT),
    command("guest-sync", &[required("id", INT)], INT),
    command("guest-ping", &[], NOTHING),
    command("guest-info", &[], INFO),
    command("guest-get-time", &[], INT),
    command("guest-set-time", &[optional("time", INT)], NOTHING),
    command("guest-shutdown", &[optional("mode", SHUTDOWN)], NOTHING),
    command("guest-suspend-disk", &[], NOTHING),
    command("guest-suspend-ram", &[], NOTHING),
    command("guest-suspend-hybrid", &[], NOTHING),
    command(
        "guest-file-open",
        &[required("path", TEXT), optional("mode", OPEN)],
        INT,
    ),
    command("guest-file-close", &[HANDLE], NOTHING),
    command(
        "guest-file-read",
        &[HANDLE, optional("count", INT)],
        &Type::Object(&[
            required("count", INT),
            required("buf-b64", TEXT),
            required("eof", BOOL),
        ]),
    ),
    command(
        "guest-file-write",
        &[HANDLE, required("buf-b64", TEXT), optional("count", INT)],
        &Type::Object(&[required("count", INT), required("eof", BOOL)]),
    ),
    command(
        "guest-file-seek",
        &[HANDLE, required("offset", INT), required("whence", WHENCE)],
        &Type::Object(&[required("position", INT), required("eof", BOOL)]),
    ),
    command("guest-file-flush", &[HANDLE], NOTHING),
    command(
        "guest-fsfreeze-status",
        &[],
        &Type::Enum(&["thawed", "frozen"]),
    ),
    command("guest-fsfreeze-freeze", &[], INT),
    command(
        "guest-fsfreeze-freeze-list",
        &[optional("mountpoints", TEXTS)],
        INT,
    ),
    command("guest-fsfreeze-thaw", &[], INT),
    command("guest-fstrim", &[optional("minimum", INT)], TRIMMED),
    command("guest-network-get-interfaces", &[], INTERFACES),
    command("guest-network-get-route", &[], ROUTES),
    command("guest-get-vcpus", &[], VCPUS),
    command("guest-set-vcpus", &[required("vcpus", VCPUS)], INT),
    command("guest-get-disks", &[], DISKS),
    command("guest-get-diskstats", &[], DISK_STATS),
    command("guest-get-cpustats", &[], CPU_STATS),
    command("guest-get-load", &[], LOAD),
    command("guest-get-fsinfo", &[], FILE_SYSTEMS),
    command(
        "guest-set-user-password",
        &[
            USERNAME,
            required("password", TEXT),
            required("crypted", BOOL),
        ],
        NOTHING,
    ),
    command("guest-get-memory-blocks", &[], MEMORY_BLOCKS),
    command(
        "guest-set-memory-blocks",
        &[required("mem-blks", MEMORY_BLOCKS)],
        MEMORY_RESULTS,
    ),
    command(
        "guest-get-memory-block-info",
        &[],
        &Type::Object(&[required("size", INT)]),
    ),
    command(
        "guest-exec",
        &[
            required("path", TEXT),
            optional("arg", TEXTS),
            optional("env", TEXTS),
            optional("input-data", TEXT),
            optional("capture-output", CAPTURE),
        ],
        &Type::Object(&[required("pid", INT)]),
    ),
    command("guest-exec-status", &[required("pid", INT)], EXEC_STATUS),
    command(
        "guest-get-host-name",
        &[],
        &Type::Object(&[required("host-name", TEXT)]),
    ),
    command("guest-get-users", &[], USERS),
    command(
        "guest-get-timezone",
        &[],
        &Type::Object(&[optional("zone", TEXT), required("offset", INT)]),
    ),
    command("guest-get-osinfo", &[], OS),
    command("guest-get-devices", &[], DEVICES),
    command(
        "guest-ssh-get-authorized-keys",
        &[USERNAME],
        &Type::Object(&[KEYS]),
    ),
    command(
        "guest-ssh-add-authorized-keys",
        &[USERNAME, KEYS, optional("reset", BOOL)],
        NOTHING,
    ),
    command(
        "guest-ssh-remove-authorized-keys",
        &[USERNAME, KEYS],
        NOTHING,
    ),
];

const INFO: Kind = &Type::Object(&[
    required("version", TEXT),
    required(
        "supported_commands",
        &Type::List(&Type::Object(&[
            required("name", TEXT),
            required("enabled", BOOL),
            required("success-response", BOOL),
        ])),
    ),
]);

const TRIMMED: Kind = &Type::Object(&[required(
    "paths",
    &Type::List(&Type::Object(&[
        required("path", TEXT),
        optional("trimmed", INT),
        optional("minimum", INT),
        optional("error", TEXT),
    ])),
)]);

const INTERFACES: Kind = &Type::List(&Type::Object(&[
    required("name", TEXT),
    optional("hardware-address", TEXT),
    optional(
        "ip-addresses",
        &Type::List(&Type::Object(&[
            required("ip-address", TEXT),
            required("ip-address-type", &Type::Enum(&["ipv4", "ipv6"])),
            required("prefix", INT),
        ])),
    ),
    optional(
        "statistics",
        &Type::Object(&[
            required("rx-bytes", INT),
            required("rx-packets", INT),
            required("rx-errs", INT),
            required("rx-dropped", INT),
            required("tx-bytes", INT),
            required("tx-packets", INT),
            required("tx-errs", INT),
            required("tx-dropped", INT),
        ]),
    ),
]));

const ROUTES: Kind = &Type::List(&Type::Object(&[
    required("iface", TEXT),
    required("destination", TEXT),
    required("metric", INT),
    optional("gateway", TEXT),
    optional("mask", TEXT),
    optional("irtt", INT),
    optional("flags", INT),
    optional("refcnt", INT),
    optional("use", INT),
    optional("window", INT),
    optional("mtu", INT),
    optional("desprefixlen", TEXT),
    optional("source", TEXT),
    optional("srcprefixlen", TEXT),
    optional("nexthop", TEXT),
    required("version", INT),
]));

const DISKS: Kind = &Type::List(&Type::Object(&[
    required("name", TEXT),
    required("partition", BOOL),
    optional("dependencies", TEXTS),
    optional("address", DISK_ADDRESS),
    optional("alias", TEXT),
    optional("smart", &Type::Any),
]));

const DISK_STATS: Kind = &Type::List(&Type::Object(&[
    required("name", TEXT),
    required("major", INT),
    required("minor", INT),
    required(
        "stats",
        &Type::Object(&[
            optional("read-sectors", INT),
            optional("read-ios", INT),
            optional("read-merges", INT),
            optional("write-sectors", INT),
            optional("write-ios", INT),
            optional("write-merges", INT),
            optional("discard-sectors", INT),
            optional("discard-ios", INT),
            optional("discard-merges", INT),
            optional("flush-ios", INT),
            optional("read-ticks", INT),
            optional("write-ticks", INT),
            optional("discard-ticks", INT),
            optional("flush-ticks", INT),
            optional("ios-pgr", INT),
            optional("total-ticks", INT),
            optional("weight-ticks", INT),
        ]),
    ),
]));

const CPU_STATS: Kind = &Type::List(&Type::Object(&[
    required("type", &Type::Enum(&["linux"])),
    required("cpu", INT),
    required("user", INT),
    required("nice", INT),
    required("system", INT),
    required("idle", INT),
    optional("iowait", INT),
    optional("irq", INT),
    optional("softirq", INT),
    optional("steal", INT),
    optional("guest", INT),
    optional("guestnice", INT),
]));

const LOAD: Kind = &Type::Object(&[
    required("load1m", NUMBER),
    required("load5m", NUMBER),
    required("load15m", NUMBER),
]);

const FILE_SYSTEMS: Kind = &Type::List(&Type::Object(&[
    required("name", TEXT),
    required("mountpoint", TEXT),
    required("type", TEXT),
    optional("used-bytes", INT),
    optional("total-bytes", INT),
    optional("total-bytes-privileged", INT),
    required("disk", &Type::List(DISK_ADDRESS)),
]));

const MEMORY_RESULTS: Kind = &Type::List(&Type::Object(&[
    required("phys-index", INT),
    required(
        "response",
        &Type::Enum(&[
            "success",
            "not-found",
            "operation-not-supported",
            "operation-failed",
        ]),
    ),
    optional("error-code", INT),
]));

const EXEC_STATUS: Kind = &Type::Object(&[
    required("exited", BOOL),
    optional("exitcode", INT),
    optional("signal", INT),
    optional("out-data", TEXT),
    optional("err-data", TEXT),
    optional("out-truncated", BOOL),
    optional("err-truncated", BOOL),
]);

const USERS: Kind = &Type::List(&Type::Object(&[
    required("user", TEXT),
    required("login-time", NUMBER),
    optional("domain", TEXT),
]));

const OS: Kind = &Type::Object(&[
    optional("kernel-release", TEXT),
    optional("kernel-version", TEXT),
    optional("machine", TEXT),
    optional("id", TEXT),
    optional("name", TEXT),
    optional("pretty-name", TEXT),
    optional("version", TEXT),
    optional("version-id", TEXT),
    optional("variant", TEXT),
    optional("variant-id", TEXT),
]);

const DEVICES: Kind = &Type::List(&Type::Object(&[
    required("driver-name", TEXT),
    optional("driver-date", INT),
    optional("driver-version", TEXT),
    optional(
        "id",
        &Type::Object(&[
            required("type", &Type::Enum(&["pci"])),
            required("vendor-id", INT),
            required("device-id", INT),
        ]),
    ),
]));
