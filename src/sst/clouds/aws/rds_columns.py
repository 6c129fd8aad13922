"""What the rows of RDS have in common."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .columns import Tagging, call

__all__ = ["AT_ONCE", "BUSY", "DONE", "FAILED", "IN_USE", "PAGE", "SHOWN", "TAGGING", "parameters_wired"]

BUSY = ("InvalidDBInstanceState", "InvalidDBInstanceStateFault")
IN_USE = ("InvalidDBSubnetGroupStateFault", "InvalidDBParameterGroupState")
"""A group is in use until the instance is gone everywhere."""
TAGGING = Tagging(add=call("add_tags_to_resource", ResourceName="$arn", Tags="$tags"),
                  remove=call("remove_tags_from_resource", ResourceName="$arn", TagKeys="$tag_keys"),
                  show=call("list_tags_for_resource", ResourceName="$arn"))
SHOWN = call("list_tags_for_resource", ResourceName="$arn")
PAGE = ("Marker", "Marker")
DONE = "DBInstanceStatus == 'available' && !PendingModifiedValues"
FAILED = "DBInstanceStatus == 'failed' && (StatusInfos[0].Message || 'its status is failed')"
AT_ONCE = 20
"""Parameters of a call of ModifyDBParameterGroup, at most."""


def parameters_wired(values: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"ParameterName": k, "ParameterValue": str(v), "ApplyMethod": "pending-reboot"}
            for k, v in sorted(values.items())]
