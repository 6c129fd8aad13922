"""Errors of Lambda that pass, or that mean there is nothing."""
from __future__ import annotations

__all__ = ["CHANGING", "NOT_FOUND", "NOT_READY", "NOT_SEEN", "SOURCE_NOT_READY"]

NOT_FOUND = ("ResourceNotFoundException",)
CHANGING = ("ResourceConflictException: concurrent update", "ResourceConflictException: in progress",
            "ResourceConflictException: Pending")
"""A function takes one change at a time, and none while it is being made."""
NOT_READY = ("InvalidParameterValueException: cannot be assumed by Lambda", "InvalidParameterValueException: KMS",
             "InvalidParameterValueException: role does not have permissions",
             "InvalidParameterValueException: throttled by EC2")
"""What it needs was made a moment ago, and is not seen by Lambda yet."""
SOURCE_NOT_READY = ("InvalidParameterValueException: permissions", "InvalidParameterValueException: cannot be assumed",
                    "InvalidParameterValueException: ensure the role can perform",
                    "InvalidParameterValueException: security token included in the request is invalid")
NOT_SEEN = "ResourceNotFoundException: Function not found"
