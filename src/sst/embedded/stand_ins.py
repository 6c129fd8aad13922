"""What stands in, in the cloud of this machine, for existing resources of the account that a program reads."""
from __future__ import annotations

from typing import Any

from .cloud import Cloud

__all__ = ["stand_ins"]


def stand_ins(cloud: Cloud) -> list[str]:
    """Their ARNs, in order."""
    from ..clouds.aws.client import Aws
    from ..clouds.aws.provider import STAND_IN_TAG

    aws = Aws(region=cloud.region, endpoint=cloud.endpoint, credentials=(cloud.access_key, cloud.secret_key),
              environment={})
    found: list[str] = []
    asked: dict[str, Any] = {"ResourcesPerPage": 100, "TagFilters": [{"Key": STAND_IN_TAG}]}
    try:
        while True:
            answer = aws.call("resourcegroupstaggingapi", "get_resources", asked)
            found += [r["ResourceARN"] for r in answer.get("ResourceTagMappingList", ())]
            if not (more := answer.get("PaginationToken")):
                return sorted(found)
            asked["PaginationToken"] = more
    finally:
        aws.close()
