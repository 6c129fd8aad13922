"""ECR: names, policies, and what is in a repository."""

from __future__ import annotations

import json
import re

from tests.torture.proxy import Refuse

from ..account import Account
from ..request import ApiRequest
from ..rule import rule

NAME = re.compile(r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*")


@rule(
    "ecr.CreateRepository",
    source="https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html",
)
def repository_name(request: ApiRequest, account: Account) -> Refuse | None:
    """Names have 2 to 256 characters, and no capital letters."""
    name = str(request.params.get("repositoryName") or "")
    if NAME.fullmatch(name) and 2 <= len(name) <= 256:
        return None
    return Refuse("InvalidParameterException", 400, f"Invalid parameter at 'repositoryName': {name!r} failed to "
                  "satisfy constraint")


@rule(
    "ecr.PutLifecyclePolicy",
    source="https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html",
)
def lifecycle_policy(request: ApiRequest, account: Account) -> Refuse | None:
    """Priorities are unique, a rule for any image comes last, and one for tagged images names prefixes or patterns."""
    rules = json.loads(str(request.params.get("lifecyclePolicyText") or "{}")).get("rules", [])
    order = [r["rulePriority"] for r in rules]
    any_image = [r["rulePriority"] for r in rules if r["selection"]["tagStatus"] == "any"]
    tagged = [r["selection"] for r in rules if r["selection"]["tagStatus"] == "tagged"]
    units = [r["selection"] for r in rules if r["selection"]["countType"] == "sinceImagePushed"]
    if (rules and len(set(order)) == len(order) and len(any_image) <= 1 and all(p == max(order) for p in any_image)
            and all(s.get("tagPrefixList") or s.get("tagPatternList") for s in tagged)
            and all(s.get("countUnit") == "days" for s in units)):
        return None
    return Refuse("InvalidParameterException", 400, "Invalid parameter at 'LifecyclePolicyText' failed to satisfy "
                  "constraint: 'Lifecycle policy validation failure'")


@rule(
    "lambda.CreateFunction lambda.UpdateFunctionCode",
    source="https://docs.aws.amazon.com/lambda/latest/dg/images-create.html",
)
def image_of_another_region(request: ApiRequest, account: Account) -> Refuse | None:
    """The image of a function lies in ECR, in the function's own region."""
    image = str((request.params.get("Code") or {}).get("ImageUri") or request.params.get("ImageUri") or "")
    if not image or re.match(rf"\d{{12}}\.dkr\.ecr\.{request.region}\.", image):
        return None
    return Refuse("InvalidParameterValueException", 400, f"Source image {image} is not valid. Provide a valid source "
                  "image.")
