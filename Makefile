# The two commands of the README are `make demo` and `make test`; both set up what they need.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test strict check bench torture row clean

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --editable '.[dev]'
	touch $@

demo: .venv/ready
	$(BIN)/python examples/uploads/demo.py

# Unit and engine tests run on all cores; those that start the embedded cloud share the machine by file.
test: .venv/ready check
	$(BIN)/python -m pytest -n 2 --dist loadfile

# Every row and the demo app where AWS's refusals and delays are; docs/strict_cloud.md lists them. A part is in `make test`.
strict: .venv/ready
	SST_STRICT=1 $(BIN)/python -m pytest tests/strict -n 2 --dist worksteal

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: .venv/ready
	$(BIN)/python -m bench

# Every boundary and every fault, and ROUNDS times what is random. One round takes most of an hour; figures at the end.
ROUNDS ?= 1
torture: .venv/ready
	SST_TORTURE=$(ROUNDS) SST_TORTURE_ROUNDS=10000 SST_TORTURE_STEP=5 SST_EXAMPLES=2500 \
		$(BIN)/python -m pytest tests/torture tests/state tests/engine -n 2 --dist worksteal -o timeout=7200 --durations=15

# Draft a row of the AWS table: `make row TYPE=kinesis.Stream`. The wheel of cfn-lint carries CloudFormation's schemas.
row: .venv/ready .venv/schemas
	$(BIN)/python -m tools.row $(TYPE)

.venv/schemas:
	$(BIN)/uv pip install --quiet --no-deps --target $@ cfn-lint

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache
