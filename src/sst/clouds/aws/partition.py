"""The partition of a region: the second word of its ARNs."""

from __future__ import annotations

__all__ = ["partition_of"]

PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b",
              "eu-isoe-": "aws-iso-e",
              "us-isof-": "aws-iso-f", "eusc-": "aws-eusc"}


def partition_of(region: str) -> str:
    """``aws``, ``aws-cn`` or ``aws-us-gov``, by the region's name.
    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"""
    return next((name for prefix, name in PARTITIONS.items() if region.startswith(prefix)), "aws")
