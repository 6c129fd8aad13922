"""OpenSearch Service: https://docs.aws.amazon.com/opensearch-service/latest/APIReference/Welcome.html"""
from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...core.graph import Graph
from ...core.model import Goal
from ...core.output import Output
from ...core.resource import Arg, out, prop
from . import prices
from .columns import Import, Listing, Tagging, call
from .table import AwsResource

__all__ = ["Domain", "password_problem"]

ARN = "arn:$partition:es:$region:$account:domain/$name"
BUSY = ("ValidationException: in progress", "ConflictException")
"""A domain takes one change at a time."""
CALM = "!Processing && !UpgradeProcessing"
SHOWN = call("list_tags", ARN=ARN)


def _policy(known: Mapping[str, Any]) -> str:
    """Who may send requests; by default everybody who has the password of a user."""
    return json.dumps(known.get("access_policy") or {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "es:ESHttp*",
        "Resource": f"arn:{known['partition']}:es:{known['region']}:{known['account']}:domain/{known.get('name')}/*"}]})


def password_problem(password: str) -> str:
    """What a password of the master user has to be, if this one is not; the password itself is never quoted."""
    fits = 8 <= len(password) <= 128 and all(re.search(kind, password) for kind in ("[a-z]", "[A-Z]", "[0-9]",
                                                                                    "[^A-Za-z0-9]"))
    return "" if fits else "it takes 8 to 128 characters: small and capital letters, digits, and others"


def domain_fits(graph: Graph, goal: Goal) -> None:
    """Version, class, storage, user and password. What is known only after a deploy is not judged."""
    if getattr(goal, "read", False):
        return
    for problem, hint in _problems(goal.inputs):
        graph.problem(f'the search domain "{goal.urn.rpartition("::")[2]}" can\'t be made: {problem}',
                      where=goal.where, hint=hint)


_VERSIONS = (r"OpenSearch_(1\.[0-3]|2\.(3|5|7|9|1[13579])|3\.\d+)"
             r"|Elasticsearch_(1\.5|2\.3|5\.[1356]|6\.[0234578]|7\.([14789]|10))")
"""Source: https://docs.aws.amazon.com/opensearch-service/latest/developerguide/what-is.html"""


def _problems(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    version, kind, user = (given.get(k) for k in ("engine_version", "instance_type", "username"))
    if isinstance(version, str) and not re.fullmatch(_VERSIONS, version):
        yield f"AWS has no version {version!r}", 'version="OpenSearch_2.17"'
    if isinstance(kind, str) and not re.fullmatch(r"[a-z0-9]+\.[a-z0-9]+\.search", kind):
        yield f"there is no class {kind!r}", 'instance="t3.small"'
    if isinstance(size := given.get("volume_size"), int) and size < 10:
        yield f"its storage can't be {size} GB", 'at least "10 GB"'
    if isinstance(user, str) and not 1 <= len(user) <= 64:
        yield f"{user!r} can't be the name of its user", "1 to 64 characters"
    if isinstance(password := given.get("password"), str) and (why := password_problem(password)):
        yield "its password does not fit", why


class Domain(AwsResource, type="aws.opensearch.Domain", service="opensearch", holds_data=True):
    """A search domain that is reached over HTTPS by a user and a password. ``volume_size`` is in GB, of each node.

    Data is encrypted at rest and between nodes. A deploy waits for a creation or change, which takes AWS 10 to 30
    minutes, and for a deletion. ``engine_version`` can only become a later one.
    """

    names = r"[a-z][a-z0-9-]{2,27}", "3 to 28 small letters, digits and hyphens; it begins with a letter"
    name: Arg[str] = prop("DomainName", limit=28, lower=True, replace=True, default=None)
    engine_version: Arg[str] = prop("EngineVersion", default=None)
    instance_type: Arg[str] = prop("ClusterConfig.InstanceType")
    instance_count: Arg[int] = prop("ClusterConfig.InstanceCount", default=1)
    volume_size: Arg[int] = prop("EBSOptions.VolumeSize")
    volume_type: Arg[str] = prop("EBSOptions.VolumeType", default="gp3")
    username: Arg[str] = prop("AdvancedSecurityOptions.MasterUserOptions.MasterUserName", secret=True, read="")
    password: Arg[str] = prop("AdvancedSecurityOptions.MasterUserOptions.MasterUserPassword", secret=True, read="")
    access_policy: Arg[Mapping[str, Any]] = prop(default=None, local=True)
    """A document of IAM; by default all requests are let through to the check of the password."""
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("DomainStatus.ARN || ARN")
    host: Output[str] = out("DomainStatus.Endpoint || Endpoint")

    __checks__ = (*AwsResource.__checks__, domain_fits)
    computed = {"policy": _policy}
    create = call("create_domain", AccessPolicies="$policy", EBSOptions={"EBSEnabled": True},
                  AdvancedSecurityOptions={"Enabled": True, "InternalUserDatabaseEnabled": True},
                  EncryptionAtRestOptions={"Enabled": True}, NodeToNodeEncryptionOptions={"Enabled": True},
                  DomainEndpointOptions={"EnforceHTTPS": True, "TLSSecurityPolicy": "Policy-Min-TLS-1-2-2019-07"},
                  until=f"{CALM} && Endpoint")
    read = call("describe_domain", DomainName="$name")
    item = "DomainStatus"
    read_back = True
    ready = "Endpoint"
    failed = ("DomainProcessingStatus == 'Isolated' && (ServiceSoftwareOptions.Description || 'the domain is "
              "isolated')")
    update = (call("upgrade_domain", DomainName="$name", properties="engine_version",
                   wire={"engine_version": "TargetVersion"}, retry=BUSY, patience=3600, until=CALM),
              call("update_domain_config", DomainName="$name", EBSOptions={"EBSEnabled": True},
                   properties="instance_type instance_count volume_size volume_type", retry=BUSY, patience=3600,
                   idempotent=True, until=CALM),
              call("update_domain_config", DomainName="$name", properties="username password", retry=BUSY,
                   patience=3600, idempotent=True, until=CALM),
              call("update_domain_config", DomainName="$name", AccessPolicies="$policy", properties="access_policy",
                   retry=BUSY, patience=3600, idempotent=True, until=CALM))
    sticky = frozenset({"engine_version"})
    delete = call("delete_domain", DomainName="$name", retry=BUSY, patience=3600, until=CALM)
    not_found_codes = ("ResourceNotFoundException",)
    tagging = Tagging(wire="TagList", add=call("add_tags", ARN="$arn", TagList="$tags"),
                      remove=call("remove_tags", ARN="$arn", TagKeys="$tag_keys"), show=call("list_tags", ARN="$arn"),
                      in_read=False)
    listing = Listing("list_domain_names", "DomainNames[].{name: DomainName}", tags=SHOWN, arn=ARN)
    imports = Import("aws_opensearch_domain", "{domainName}")
    monthly = prices.search
    stand_in = {"engine_version": "OpenSearch_2.17", "instance_type": "t3.small.search", "volume_size": 10,
                "username": "admin", "password": "Stand-in-1"}
