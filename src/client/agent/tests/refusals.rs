//! What a refusal of the agent's means: another error, an unknown command, a frozen guest, a configuration that blocks.

use serde_json::{Value, json};

use crate::client::Error;
use crate::client::scripted::{agent, call};

/// What `guest-info` says of two commands.
fn info(exec_is_enabled: bool) -> Value {
    json!({"return": {"version": "10.2.0", "supported_commands": [
        {"name": "guest-ping", "enabled": true, "success-response": true},
        {"name": "guest-exec", "enabled": exec_is_enabled, "success-response": true},
    ]}})
}

fn refusal(class: &str, desc: &str) -> Value {
    json!({"error": {"class": class, "desc": desc}})
}

/// What a refused command becomes, where the agent answers the questions of the client like this.
async fn refused(command: &str, answers: &[(&str, Value)]) -> Error {
    let (agent, mut peer) = agent();
    let script = async {
        peer.take_sync().await;
        for (asked, answer) in answers {
            assert_eq!(peer.request().await["execute"], *asked);
            peer.say(answer.to_string() + "\n").await;
        }
        // Still in step, whatever was asked.
        let request = peer.request().await;
        assert_eq!(request["execute"], "guest-ping");
        peer.answer(&request, json!({})).await;
    };
    let client = async {
        let error = agent.call(call(command)).await.unwrap_err();
        assert!(agent.call(call("guest-ping")).await.is_ok());
        error
    };
    let (error, ()) = tokio::join!(client, script);
    error
}

const UNKNOWN: &str = "The command guest-nope has not been found";
/// As agents of several versions word it; the newest words blocked and frozen alike.
const DISABLED: [&str; 4] = [
    "The command guest-exec has been disabled for this instance",
    "Command guest-exec has been disabled",
    "Command guest-exec has been disabled: the agent is in frozen state",
    "Command guest-exec has been disabled: the command is not allowed",
];

#[tokio::test(start_paused = true)]
async fn another_refusal_is_passed_on_without_a_question() {
    let no_such_file = refusal(
        "GenericError",
        "failed to open file '/x' (mode: 'r'): No such file or directory",
    );
    let error = refused("guest-file-open", &[("guest-file-open", no_such_file)]).await;
    assert!(matches!(error, Error::Refused { class, .. } if class == "GenericError"));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_command_is_refused_also_while_the_guest_is_frozen() {
    let answers = [
        ("guest-nope", refusal("CommandNotFound", UNKNOWN)),
        ("guest-info", info(false)),
    ];
    let error = refused("guest-nope", &answers).await;
    assert!(matches!(error, Error::Refused { desc, .. } if desc == UNKNOWN));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_waits_for_the_thaw_is_frozen() {
    for desc in DISABLED {
        let answers = [
            ("guest-exec", refusal("CommandNotFound", desc)),
            ("guest-info", info(false)),
            ("guest-fsfreeze-status", json!({"return": "frozen"})),
        ];
        let error = refused("guest-exec", &answers).await;
        assert_eq!(
            error,
            Error::Frozen {
                command: "guest-exec".to_owned(),
                desc: desc.to_owned()
            }
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_that_the_configuration_blocks_is_disabled() {
    for desc in DISABLED {
        let answers = [
            ("guest-exec", refusal("CommandNotFound", desc)),
            ("guest-info", info(false)),
            ("guest-fsfreeze-status", json!({"return": "thawed"})),
        ];
        let error = refused("guest-exec", &answers).await;
        assert_eq!(
            error,
            Error::Disabled {
                command: "guest-exec".to_owned(),
                desc: desc.to_owned()
            }
        );
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_questions_are_blocked_too_the_words_decide() {
    let answers = [
        ("guest-exec", refusal("CommandNotFound", DISABLED[0])),
        (
            "guest-info",
            refusal("CommandNotFound", "Command guest-info has been disabled"),
        ),
        (
            "guest-fsfreeze-status",
            refusal(
                "CommandNotFound",
                "Command guest-fsfreeze-status has been disabled",
            ),
        ),
    ];
    assert!(matches!(
        refused("guest-exec", &answers).await,
        Error::Disabled { .. }
    ));

    let answers = [
        ("guest-nope", refusal("CommandNotFound", UNKNOWN)),
        ("guest-info", refusal("CommandNotFound", "no")),
    ];
    assert!(matches!(
        refused("guest-nope", &answers).await,
        Error::Refused { .. }
    ));
}
