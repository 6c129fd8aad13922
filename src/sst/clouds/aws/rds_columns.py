"""What the rows of RDS have in common."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.model import State
from ...core.provider import Note
from ...core.resource import Arg, prop
from .columns import Call, Tagging, call
from .table import AwsResource, Calls

__all__ = ["BUSY", "DONE", "FAILED", "IN_USE", "PAGE", "ROLE", "SHOWN", "TAGGING", "Parameters"]

BUSY = ("InvalidDBInstanceState", "InvalidDBInstanceStateFault")
IN_USE = ("InvalidDBSubnetGroupStateFault", "InvalidDBParameterGroupState")
"""A group is in use until the instance is gone everywhere."""
ROLE = ("InvalidParameterValue: Missing necessary credentials",
        "InvalidParameterValue: permission to create service linked role")
"""RDS makes its own role with the first subnet group of an account, and can't assume it at once.
Source: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAM.ServiceLinkedRoles.html"""
TAGGING = Tagging(add=call("add_tags_to_resource", ResourceName="$arn", Tags="$tags"),
                  remove=call("remove_tags_from_resource", ResourceName="$arn", TagKeys="$tag_keys"),
                  show=call("list_tags_for_resource", ResourceName="$arn"))
SHOWN = call("list_tags_for_resource", ResourceName="$arn")
PAGE = ("Marker", "Marker")
DONE = "DBInstanceStatus == 'available' && !PendingModifiedValues"
FAILED = "DBInstanceStatus == 'failed' && (StatusInfos[0].Message || 'its status is failed')"
AT_ONCE = 20
"""Parameters of a call of ModifyDBParameterGroup, at most."""


class Parameters(AwsResource):
    """A group of parameters. ``update`` is the call that sets some of them."""

    parameters: Arg[Mapping[str, str]] = prop(default=None, local=True, read="")

    @classmethod
    def request(cls, provider: Calls, inputs: Mapping[str, Any], c: Call) -> dict[str, Any]:
        made = super().request(provider, inputs, c)
        if c is cls.update[0]:
            made["Parameters"] = _wired(inputs.get("parameters") or {})[:AT_ONCE]
        return made

    @classmethod
    def custom_update(cls, provider: Calls, state: State, inputs: Mapping[str, Any], changed: frozenset[str],
                      known: Mapping[str, Any], note: Note) -> frozenset[str]:
        """Reset what was taken out, and set the rest, twenty in a call."""
        if "parameters" not in changed:
            return frozenset()
        was, wanted = state.inputs.get("parameters") or {}, inputs.get("parameters") or {}
        gone = [{"ParameterName": k, "ApplyMethod": "pending-reboot"} for k in sorted(was.keys() - wanted.keys())]
        modify = cls.update[0]
        for op, some in ((modify.op.replace("modify", "reset", 1), gone), (modify.op, _wired(wanted))):
            for at in range(0, len(some), AT_ONCE):
                provider.send(cls, call(op, idempotent=True, **modify.params), known,
                              {"Parameters": some[at:at + AT_ONCE]}, note)
        return frozenset({"parameters"})


def _wired(values: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"ParameterName": k, "ParameterValue": str(v), "ApplyMethod": "pending-reboot"}
            for k, v in sorted(values.items())]
