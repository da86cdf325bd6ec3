# All targets do their own set-up; on a fresh Debian, git, make and Rust are enough.

export CARGO_TERM_COLOR ?= auto
harness := tests/harness

# apt installs for one at a time, and what is tested is installed first.
.NOTPARALLEL:

.PHONY: help
help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

.PHONY: demo
demo: guest ## Boot a real guest; freeze, snapshot and thaw it with qmpsh
	@$(harness)/demo.sh

.PHONY: test
test: setup-tests guest ## Run all tests, against real QEMUs and a real guest
	cargo test --locked

.PHONY: test-versions
test-versions: SUITES ?= bullseye trixie sid
test-versions: setup-tests guest ## Run the script tests on QEMU 5.2, 10.0 and the newest (needs root: Debians in target/)
	@$(harness)/versions.sh $(SUITES)

.PHONY: check
check: setup ## Check the format, lints and documentation
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked

.PHONY: docs
docs: ## Write docs/reference anew, from the descriptions beside the functions
	QMPSH_WRITE_DOCS=1 cargo test --locked --test script -- reference::

.PHONY: bench
bench: setup-tests guest ## Measure against the floor: the same work on a raw socket
	@benches/peers.sh
	cargo bench --locked --bench floor

.PHONY: setup
setup: ## Install what the demo needs and is missing here: QEMU, the agent, busybox
	@$(harness)/setup.sh

.PHONY: setup-tests
setup-tests: ## Install what the tests need too: libvirt, zsh, fish, mandoc
	@$(harness)/setup.sh --tests

# apt's lists may name a kernel that the server has replaced since.
.PHONY: guest
guest: setup ## Build the small guest of the tests and the demo
	@$(harness)/build-guest.sh || { $(harness)/setup.sh --refresh && $(harness)/build-guest.sh; }

.PHONY: msrv
msrv: ## Build with the oldest Rust that is promised (needs root: a Debian 13 in target/)
	@$(harness)/msrv.sh

.PHONY: clean
clean: ## Remove all that was built
	cargo clean
