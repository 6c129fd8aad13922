# The two commands of the README are `make demo` and `make test`; both set up what they need.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo demo-shop browser test quick check docs pythons long long-tests strict smoke-aws torture-sample sites bench torture row plugins clean

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --editable '.[dev]'
	touch $@

demo: .venv/ready
	$(BIN)/python examples/uploads/demo.py

# The same for containers and databases: an API in two replicas, updated while requests come in.
demo-shop: .venv/ready
	$(BIN)/python examples/shop/demo.py

# Everything, on this Python; then the quick tests on the others. Those that start the embedded cloud share the machine
# by file.
test: .venv/ready check browser
	$(BIN)/python -m pytest -n 4 --dist loadfile --durations=10 --durations-min=5
	$(MAKE) pythons

# Chromium, which some tests drive, where it is missing and may be installed; without it a line says how many did not run.
browser: .venv/ready
	$(BIN)/python -m tests.browser

# The inner loop: what needs no cloud and no process that takes its time.
QUICK := -n 2 --dist loadfile -m "not emulator and not slow" \
	tests/test_shape.py tests/core tests/machine tests/engine tests/project tests/components \
	$(addprefix tests/state/test_,format.py journal.py keys.py memory.py redact.py secrets.py) \
	$(addprefix tests/clouds/aws/test_,lint.py retry.py) \
	tests/embedded/test_timetable.py
quick: .venv/ready check
	SST_EXAMPLES=5 $(BIN)/python -m pytest $(QUICK)

# The quick tests on every other Python from 3.12 on that this machine has, in .venv-3.N.
pythons: .venv/ready
	SST_EXAMPLES=5 $(BIN)/python -m tests.pythons $(QUICK)

# On an AWS account of yours, which SMOKE_ACCOUNT names; docs/smoke_aws.md.
smoke-aws: .venv/ready
	$(BIN)/python -m tests.strict.smoke

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/mypy

# The documentation as a site, in dist/docs: every page of docs/ and the README, with links and anchors checked.
docs: .venv/ready
	$(BIN)/python -m tools.site

bench: .venv/ready
	$(BIN)/python -m bench

# What .ci/run does after make test, each with its time, also after one that failed: 45 minutes at most on two cores.
# On them, tests that mostly wait (for servers, for clouds) have more workers than cores.
LONG := long-tests strict torture-sample sites plugins
long: .venv/ready
	@failed=; for target in $(LONG); do \
		began=$$(date +%s); $(MAKE) $$target || failed="$$failed $$target"; \
		echo "make $$target: $$(($$(date +%s) - began)) s"; \
	done; [ -z "$$failed" ] || { echo "failed:$$failed"; exit 1; }

# Of many cases of one kind, all but the first, which is in make test.
long-tests: .venv/ready browser
	$(BIN)/python -m pytest -m long -n 5 --dist loadfile --no-loadscope-reorder

# Every row and the demo app where AWS's refusals and delays are; docs/strict_cloud.md lists them. A part is in `make test`.
strict: .venv/ready
	SST_STRICT=1 $(BIN)/python -m pytest tests/strict -n 5 --dist worksteal

# Plugins of Terraform: the suite of providers over a lying one too, and what takes longer with real ones.
plugins: .venv/ready
	SST_PLUGINS=1 $(BIN)/python -m pytest tests/clouds/terraform tests/plugins -n 3 --dist worksteal

# A part of make torture: what is random in the engine and the state, with more rounds than make test.
torture-sample: .venv/ready
	SST_TORTURE_ROUNDS=600 SST_TORTURE_STEP=80 SST_EXAMPLES=100 \
		$(BIN)/python -m pytest tests/state tests/engine -n 2 --dist worksteal -o timeout=1200

# Frameworks of web apps and generators of sites, built and run; npm's packages are kept in ~/.cache/sst. `make sites
# SITES=all` takes those too that are built as another one is.
SITES ?= 1
sites: .venv/ready browser
	SST_SITES=$(SITES) $(BIN)/python -m pytest \
		$(addprefix tests/sites/test_,frameworks.py browser.py workspace.py generators.py next.py next_parts.py django.py) \
		$(addprefix tests/sites/test_,python.py dev.py) -n 4 --dist loadfile -o timeout=1200

# Every boundary and every fault, and ROUNDS times what is random. One round takes most of an hour; figures at the end.
ROUNDS ?= 1
torture: .venv/ready
	SST_TORTURE=$(ROUNDS) SST_TORTURE_ROUNDS=10000 SST_TORTURE_STEP=5 SST_EXAMPLES=2500 \
		$(BIN)/python -m pytest -m "long or not long" tests/torture tests/state tests/engine -n 2 --dist worksteal -o timeout=7200 --durations=15

# Draft a row of the AWS table: `make row TYPE=kinesis.Stream`. The wheel of cfn-lint carries CloudFormation's schemas.
row: .venv/ready .venv/schemas
	$(BIN)/python -m tools.row $(TYPE)

.venv/schemas:
	$(BIN)/uv pip install --quiet --no-deps --target $@ cfn-lint

clean:
	rm -rf .venv .venv-3.* .mypy_cache .pytest_cache .ruff_cache
