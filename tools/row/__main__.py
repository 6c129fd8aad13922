"""``python -m tools.row kinesis.Stream``: print the draft of a row, what is left to decide, and a sample."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from sst.clouds.aws.lint import lint
from sst.clouds.aws.table import AwsResource
from sst.core.resource import Resource

from .draft import Draft, draft
from .model import Service
from .schema import find_schema, read_schema
from .source import sample_source, source

__all__ = ["main", "row_class"]

SCHEMAS = Path(".venv/schemas")
"""Where ``make row`` puts cfn-lint, whose wheel carries the schemas."""


def row_class(text: str) -> type[AwsResource]:
    """The class that a draft defines; it is not registered."""
    space: dict[str, Any] = {"__name__": "sst.clouds.aws.draft", "__package__": "sst.clouds.aws"}
    before = dict(Resource.kinds)
    try:
        exec(compile(text, "draft", "exec"), space)  # noqa: S102  # our own text
    finally:
        Resource.kinds.clear()
        Resource.kinds.update(before)
    return next(
        v
        for k, v in space.items()
        if isinstance(v, type) and issubclass(v, AwsResource) and v.__module__ == space["__name__"]
    )


def drafted(service: str, noun: str, schema: Path | None = None, schemas: Path = SCHEMAS) -> tuple[Draft, str]:
    """The draft of a type and its source, with what the lint says of it. Raises ``LookupError``."""
    found = read_schema(schema) if schema else find_schema(schemas, service, noun)
    made = draft(Service(service, noun, found))
    text = source(made)  # writing it adds to what there is to decide
    made.decide[:] = list(dict.fromkeys(made.decide))
    problems = tuple(p.partition(": ")[2] for p in lint(row_class(text)))
    kept = list(made.decide)
    text = source(made, problems, tuple(kept))
    made.decide[:] = kept
    return made, text


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make row", description=__doc__)
    parser.add_argument(
        "type", metavar="SERVICE.Type", help="botocore's name of the service, and the noun in its operations"
    )
    parser.add_argument("--schema", type=Path, help="file with the CloudFormation schema of the type")
    given = parser.parse_args(argv)
    service, _, noun = given.type.removeprefix("aws.").partition(".")
    try:
        made, text = drafted(service, noun, given.schema)
    except (LookupError, OSError) as e:
        print(e, file=sys.stderr)
        return 1
    print(text)
    print(f"# a sample for tests/clouds/aws/samples.py\n{sample_source(made)}")
    if not made.service.schema:
        print(
            "# no CloudFormation schema was found: replace=True and outputs are guesses from the API alone",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
