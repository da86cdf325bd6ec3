//! Programs in the guest.

use std::time::Duration;

use harness::Guest;
use qmpsh::vm::ErrorKind;
use qmpsh::vm::agent::Exec;
use qmpsh::vm::error::ExecEnd;

use super::vm_of;

fn program(program: &str, arguments: &[&str]) -> Exec {
    Exec {
        program: program.to_owned(),
        arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
        ..Exec::default()
    }
}

#[tokio::test]
async fn both_streams_and_the_exit_code_come_back() {
    let agent = vm_of(Guest::shared()).agent();
    let outcome = agent
        .shell("echo out; echo err >&2; exit 3", &Exec::default())
        .await
        .unwrap();
    assert_eq!(outcome.end, ExecEnd::Code(3));
    assert_eq!(outcome.stdout, b"out\n");
    assert_eq!(outcome.stderr, b"err\n");
    assert!(!outcome.stdout_truncated);
}

#[tokio::test]
async fn a_program_reads_its_input_and_environment() {
    let agent = vm_of(Guest::shared()).agent();
    let exec = Exec {
        input: Some(b"from the host \xff".to_vec()),
        env: Some(vec!["WORD=hello".into()]),
        ..program("/bin/sh", &["-c", "cat; printf %s \"$WORD\""])
    };
    let outcome = agent.exec(&exec).await.unwrap();
    assert_eq!(outcome.stdout, b"from the host \xffhello");
}

#[tokio::test]
async fn death_by_a_signal_is_told_as_such() {
    let agent = vm_of(Guest::shared()).agent();
    let outcome = agent.shell("kill -9 $$", &Exec::default()).await.unwrap();
    assert_eq!(outcome.end, ExecEnd::Signal(9));
}

#[tokio::test]
async fn a_failure_that_is_checked_is_an_error_with_the_programs_last_words() {
    let agent = vm_of(Guest::shared()).agent();
    let exec = Exec {
        check: true,
        ..Exec::default()
    };
    let error = agent
        .shell("echo no good >&2; exit 4", &exec)
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("exit code 4") && text.contains("no good"),
        "{text}"
    );
}

#[tokio::test]
async fn a_program_that_does_not_end_in_time_is_an_error_with_its_pid() {
    let agent = vm_of(Guest::shared()).agent();
    let exec = Exec {
        timeout: Some(Duration::from_millis(50)),
        ..program("sleep", &["600"])
    };
    let error = agent.exec(&exec).await.unwrap_err();
    let ErrorKind::ExecTimeout { pid, .. } = error.kind else {
        panic!("{error}");
    };
    Guest::shared().shell_ok(&format!("kill {pid}"));
}

#[tokio::test]
async fn a_missing_program_is_refused_in_the_agents_words() {
    let agent = vm_of(Guest::shared()).agent();
    let error = agent.exec(&program("/no/such", &[])).await.unwrap_err();
    assert!(
        error.to_string().contains("No such file or directory"),
        "{error}"
    );
}

#[tokio::test]
async fn megabytes_of_output_arrive_whole() {
    let agent = vm_of(Guest::shared()).agent();
    let exec = program("head", &["-c", "3000000", "/dev/zero"]);
    let outcome = agent.exec(&exec).await.unwrap();
    assert_eq!(outcome.stdout.len(), 3_000_000);
}
