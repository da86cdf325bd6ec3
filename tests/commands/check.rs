//! `qmpsh check --vm`: a script compared with what the QEMU of a VM takes.

use harness::Qemu;

use super::qmpsh;

#[test]
fn a_script_is_compared_with_the_qemu_of_a_vm() {
    let qemu = Qemu::bare().start();
    let check = |script: &str| {
        let check = qmpsh().arg("check").arg("--vm").arg(qemu.qmp());
        check.arg("-").stdin(script).run()
    };
    check("vm(args[0]).qmp(\"query-status\")").expect_code(0);
    let told = check("vm(args[0]).qmp(\"query-statsu\", #{ })").expect_code(2);
    let message = ": there is no command `query-statsu`";
    assert!(told.stderr.contains(message), "{}", told.stderr);
    assert!(told.stderr.contains("<stdin>:1:17"), "{}", told.stderr);
}
