#!/bin/bash
# Runs tests on the QEMUs of other Debians: versions.sh SUITE... Each Debian is made below the target folder when it is
# missing, which needs root and the network; one that cannot be made is a failure.
#
# TESTS: which tests, as words for the test runner; default: those of the ready-made scripts and of what scripts can call.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=$PWD/tests/harness
read -r -a tests <<<"${TESTS:-scripts::}"
mkdir -p "${CARGO_TARGET_DIR:-target}/qemu"
roots=$(cd "${CARGO_TARGET_DIR:-target}/qemu" && pwd)

say() { echo "versions: $*" >&2; }

if [[ $EUID -ne 0 ]]; then
    say "this needs root; run it as \`sudo -E make test-versions\`"
    exit 1
fi

passed=() failed=()
for suite in "$@"; do
    if ! "$here/debian.sh" "$suite" "$roots/$suite" qemu-system-x86; then
        failed+=("$suite (it is not there)")
        continue
    fi
    mkdir -p "$roots/$suite.bin"
    ln -sfn "$here/qemu-within.sh" "$roots/$suite.bin/qemu-system-x86_64"
    if ! version=$("$roots/$suite.bin/qemu-system-x86_64" --version); then
        failed+=("$suite (its QEMU does not start)")
        continue
    fi
    version="$suite, $(head -n 1 <<<"$version")"
    say "$version"
    begun=$SECONDS
    if PATH=$roots/$suite.bin:$PATH cargo test --locked --test suite -- "${tests[@]}"; then
        passed+=("$version: $((SECONDS - begun)) s")
    else
        failed+=("$version: $((SECONDS - begun)) s")
    fi
done

for one in "${passed[@]}"; do say "passed on $one"; done
for one in "${failed[@]}"; do say "FAILED on $one"; done
((${#failed[@]} == 0))
