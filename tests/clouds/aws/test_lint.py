from __future__ import annotations

import pytest

from sst.clouds.aws.columns import call
from sst.clouds.aws.lint import lint
from sst.clouds.aws.table import AwsResource
from sst.core.output import Output
from sst.core.resource import Arg, Resource, out, prop

from .rows import ROWS


@pytest.mark.parametrize("type", ROWS)
def test_a_row_fits_the_services_model(type: str) -> None:
    assert list(lint(ROWS[type])) == []


def test_the_lint_finds_what_is_wrong_with_a_row() -> None:
    class Wrong(AwsResource, type="test.Wrong", service="sqs"):
        nmae: Arg[str] = prop()
        delay: Arg[int] = prop("Attributes.DelaySeconds", default=None)

        arn: Output[str] = out("QueueArn")

        identity = "tag"
        create = call("create_queue")
        update = (call("set_queue_attribute", properties="dealy"),
                  call("set_queue_attributes", QueueUrl="$ulr", properties="delay"))
        delete = call("delete_queue")
        not_found_codes = ("Gone",)

    del Resource.kinds["test.Wrong"]
    text = "\n".join(lint(Wrong))
    for part in ("takes no 'Nmae'", "needs 'QueueName'", "no operation 'set_queue_attribute'", "names 'dealy'",
                 "$ulr is no property",
                 "delete_queue needs 'QueueUrl'", "not found by one", "'Gone' is no error",
                 "'delay' can't be reset",
                 "no answer has 'QueueArn'"):
        assert part in text
