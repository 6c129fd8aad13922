"""Names of AWS's regions."""
from __future__ import annotations

import re

__all__ = ["is_region"]

_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)?-((north|south)(east|west)?|east|west|central)-\d{1,2}")
"""Regions to come follow the pattern, too.
Source: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html"""


def is_region(text: str) -> bool:
    """Whether it may be a region: ``us-east-1`` and ``us-gov-west-1`` may, ``frankfurt`` and ``us-eastt-1`` may not."""
    return _REGION.fullmatch(text) is not None
