"""ECR: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html"""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...core.output import Output
from ...core.resource import Arg, out, prop
from .columns import Import, Listing, Part, Tagging, call, grant
from .table import AwsResource

__all__ = ["Repository", "RepositoryPolicy"]

READ = (grant("ecr:BatchGetImage ecr:GetDownloadUrlForLayer ecr:DescribeImages ecr:ListImages", ""),)
WRITE = (grant("ecr:BatchCheckLayerAvailability ecr:InitiateLayerUpload ecr:UploadLayerPart ecr:CompleteLayerUpload "
               "ecr:PutImage ecr:BatchDeleteImage", ""),)


POLICY_GONE = ("RepositoryNotFoundException", "RepositoryPolicyNotFoundException")


def _text(policy: Mapping[str, Any]) -> str:
    return json.dumps(policy, sort_keys=True)


class Repository(AwsResource, type="aws.ecr.Repository", service="ecr"):
    """A repository of images. ``lifecycle_policy`` says which of them expire. ``force_delete``: delete its images when
    it is deleted."""

    name: Arg[str] = prop("repositoryName", limit=256, lower=True, replace=True, default=None)
    image_tag_mutability: Arg[str] = prop("imageTagMutability", default=None)
    image_scanning_configuration: Arg[Mapping[str, bool]] = prop("imageScanningConfiguration", default=None)
    lifecycle_policy: Arg[Mapping[str, Any]] = prop("lifecyclePolicyText", default=None, enc=_text, dec=json.loads,
                                                    read="Policy.lifecyclePolicyText")
    force_delete: Arg[bool] = prop(default=None, local=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("=arn:$partition:ecr:$region:$account:repository/$name")
    uri: Output[str] = out("repository.repositoryUri || repositoryUri")

    create = call("create_repository")
    read = call("describe_repositories", repositoryNames=["$name"])
    item = "repositories | [0]"
    extra_reads = {"Policy": call("get_lifecycle_policy", repositoryName="$name")}
    update = (
        call("put_image_tag_mutability", properties="image_tag_mutability", repositoryName="$name", idempotent=True),
        call("put_image_scanning_configuration", properties="image_scanning_configuration", repositoryName="$name",
             idempotent=True),
        call("put_lifecycle_policy", properties="lifecycle_policy", after_create=True, repositoryName="$name",
             idempotent=True))
    reset_value = {"image_tag_mutability": "MUTABLE", "image_scanning_configuration": {"scanOnPush": False}}
    reset_call = {"lifecycle_policy": call("delete_lifecycle_policy", repositoryName="$name",
                                           benign_codes=("LifecyclePolicyNotFoundException",))}
    omitted_when_unset = frozenset({"lifecycle_policy"})
    delete = call("delete_repository", repositoryName="$name", force="$force_delete", idempotent=True)
    not_found_codes = ("RepositoryNotFoundException", "LifecyclePolicyNotFoundException")
    tagging = Tagging("list", "tags", add=call("tag_resource", resourceArn="$arn", tags="$tags"),
                      remove=call("untag_resource", resourceArn="$arn", tagKeys="$tag_keys"),
                      show=call("list_tags_for_resource", resourceArn="$arn"), in_read=False)
    listing = Listing("describe_repositories", "repositories[].{name: repositoryName, arn: repositoryArn}",
                      ("nextToken", "nextToken"), {}, call("list_tags_for_resource", resourceArn="$arn"), "$arn",
                      parts=(
                          Part(call("list_images", repositoryName="$name"), "imageIds[].{digest: imageDigest}",
                               call("batch_delete_image", repositoryName="$name",
                                    imageIds=[{"imageDigest": "$digest"}])),))
    imports = Import("aws_ecr_repository", "{name}")
    actions = {"read": READ, "write": WRITE, "read-write": READ + WRITE, "full": (grant("ecr:*", ""),)}


class RepositoryPolicy(AwsResource, type="aws.ecr.RepositoryPolicy", service="ecr"):
    """Who else may use a repository."""

    repository: Arg[str] = prop("repositoryName", replace=True)
    policy: Arg[Mapping[str, Any]] = prop("policyText", enc=_text, dec=json.loads)

    identity = "once"
    identifier = "$repository"
    create = call("set_repository_policy", retry=("InvalidParameterException: Principal",))
    read = call("get_repository_policy", repositoryName="$repository")
    update = (create,)
    delete = call("delete_repository_policy", repositoryName="$repository", idempotent=True)
    not_found_codes = POLICY_GONE
    delete_first = True
    imports = Import("aws_ecr_repository_policy", "{repository}")
