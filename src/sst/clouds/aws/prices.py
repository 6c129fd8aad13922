"""Fixed charges of AWS: what a resource costs whether it is used or not.

On-demand list prices in US dollars, in us-east-1, as the pages named here gave them in June 2026; a month has 730
hours. Requests, traffic and stored data come on top. A price that is not in the table is unknown, and never 0.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...core.cost import Charge, Uses

__all__ = ["HOURLY", "MONTHLY", "PAGES", "SOURCE", "cache", "cluster_instance",
           "database", "endpoint", "load_balancer", "machine",
           "nat_gateway", "proxy", "public_address", "replica", "search", "secret", "tasks"]

SOURCE = "AWS's list prices in us-east-1, June 2026"
HOURS = 730
PAGES: Mapping[str, str] = {
    "vpc": "https://aws.amazon.com/vpc/pricing/",
    "privatelink": "https://aws.amazon.com/privatelink/pricing/",
    "elb": "https://aws.amazon.com/elasticloadbalancing/pricing/",
    "fargate": "https://aws.amazon.com/fargate/pricing/",
    "ec2": "https://aws.amazon.com/ec2/pricing/on-demand/",
    "rds postgres": "https://aws.amazon.com/rds/postgresql/pricing/",
    "rds mysql": "https://aws.amazon.com/rds/mysql/pricing/",
    "aurora": "https://aws.amazon.com/rds/aurora/pricing/",
    "rds proxy": "https://aws.amazon.com/rds/proxy/pricing/",
    "cache": "https://aws.amazon.com/elasticache/pricing/",
    "secrets": "https://aws.amazon.com/secrets-manager/pricing/",
}
"""The first word, or two, of a price's name → the page that it is from."""
HOURLY: Mapping[str, float] = {
    "vpc NAT gateway": 0.045, "vpc public IPv4 address": 0.005, "privatelink endpoint in a zone": 0.01,
    "elb application": 0.0225, "elb network": 0.0225,
    "fargate vCPU X86_64": 0.04048, "fargate GB X86_64": 0.004445,
    "fargate vCPU ARM64": 0.03238, "fargate GB ARM64": 0.00356,
    "ec2 t4g.nano": 0.0042, "ec2 t4g.micro": 0.0084, "ec2 t4g.small": 0.0168, "ec2 t4g.medium": 0.0336,
    "ec2 t3.nano": 0.0052, "ec2 t3.micro": 0.0104, "ec2 t3.small": 0.0208, "ec2 t3.medium": 0.0416,
    "rds postgres t4g.micro": 0.016, "rds postgres t4g.small": 0.032, "rds postgres t4g.medium": 0.065,
    "rds postgres t4g.large": 0.129, "rds postgres t4g.xlarge": 0.258, "rds postgres t4g.2xlarge": 0.517,
    "rds postgres t3.micro": 0.018, "rds postgres t3.small": 0.036, "rds postgres t3.medium": 0.072,
    "rds postgres t3.large": 0.145, "rds postgres m6g.large": 0.159, "rds postgres m6g.xlarge": 0.318,
    "rds postgres r6g.large": 0.225, "rds postgres r6g.xlarge": 0.45,
    "rds mysql t4g.micro": 0.016, "rds mysql t4g.small": 0.032, "rds mysql t4g.medium": 0.065,
    "rds mysql t4g.large": 0.129, "rds mysql t4g.xlarge": 0.258, "rds mysql t4g.2xlarge": 0.517,
    "rds mysql t3.micro": 0.017, "rds mysql t3.small": 0.034, "rds mysql t3.medium": 0.068,
    "rds mysql t3.large": 0.136, "rds mysql m6g.large": 0.152, "rds mysql m6g.xlarge": 0.304,
    "rds proxy vCPU": 0.015, "rds proxy ACU": 0.015, "aurora ACU": 0.12,
    "cache redis t4g.micro": 0.016, "cache redis t4g.small": 0.032, "cache redis t4g.medium": 0.065,
    "cache redis t3.micro": 0.017, "cache redis t3.small": 0.034, "cache redis t3.medium": 0.068,
    "cache redis m6g.large": 0.149, "cache redis r6g.large": 0.206,
    "cache valkey t4g.micro": 0.0128, "cache valkey t4g.small": 0.0256, "cache valkey t4g.medium": 0.052,
}
MONTHLY: Mapping[str, float] = {"rds postgres GB": 0.115, "rds mysql GB": 0.115, "secrets secret": 0.4}
"""Of one GB of storage, or of one piece."""
_CPUS = {"micro": 2, "small": 2, "medium": 2, "large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32}


def _hours(price: str, what: str, count: Any = 1) -> Charge:
    """``count`` of it, all month; what is known only after a deploy has no price."""
    known = price in HOURLY and isinstance(count, int | float)
    return Charge(what, HOURLY[price] * HOURS * count if known else None, SOURCE)


def _storage(price: str, gigabytes: Any, times: int) -> Charge:
    known = price in MONTHLY and isinstance(gigabytes, int)
    return Charge("storage", MONTHLY[price] * gigabytes * times if known else None, SOURCE)


def _length(value: Any) -> Any:
    return len(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def nat_gateway(given: Mapping[str, Any], uses: Uses) -> Iterator[Charge]:
    yield _hours("vpc NAT gateway", "NAT gateway")


def public_address(given: Mapping[str, Any], uses: Uses) -> Iterator[Charge]:
    yield _hours("vpc public IPv4 address", "public IPv4 address")


def machine(given: Mapping[str, Any], uses: Uses) -> Iterator[Charge]:
    """A virtual machine, without its disk."""
    yield _hours(f"ec2 {given.get('instance_type')}", str(given.get("instance_type")))


def endpoint(given: Mapping[str, Any], uses: Uses) -> Iterator[Charge]:
    """An endpoint of S3 or DynamoDB (``Gateway``) costs nothing, one of another service so much in each zone."""
    if given.get("vpc_endpoint_type", "Gateway") != "Gateway":
        yield _hours("privatelink endpoint in a zone", "VPC endpoint", _length(given.get("subnet_ids") or [None]))


def load_balancer(given: Mapping[str, Any], uses: Uses) -> Iterator[Charge]:
    """With one public address in each of its zones."""
    yield _hours(f"elb {given.get('type_', 'application')}", "load balancer")
    if given.get("scheme", "internet-facing") == "internet-facing":
        yield _hours("vpc public IPv4 address", "public IPv4 addresses", _length(given.get("subnets") or [None]))


def tasks(given: Mapping[str, Any], uses: Uses) -> Iterator[Charge]:
    """The least number of tasks of a service on Fargate. Spot's price is no fixed one."""
    definition, count = uses("aws.ecs.TaskDefinition"), given.get("desired_count", 1)
    strategy = given.get("capacity_provider_strategy")
    if isinstance(strategy, Sequence) and any(p.get("capacityProvider") == "FARGATE_SPOT" for p in strategy):
        yield Charge("tasks on Fargate Spot", None, SOURCE)
    else:
        platform = definition.get("runtime_platform") or {}
        chip = platform.get("cpuArchitecture", "X86_64") if isinstance(platform, Mapping) else None
        for price, size in (("vCPU", definition.get("cpu")), ("GB", definition.get("memory"))):
            units = int(size) / 1024 * count if isinstance(size, str) and isinstance(count, int) else None
            yield _hours(f"fargate {price} {chip}", f"tasks on Fargate ({price})", units)
    network = given.get("network_configuration") or {}
    place = network.get("awsvpcConfiguration", {}) if isinstance(network, Mapping) else {}
    if place.get("assignPublicIp") == "ENABLED":
        yield _hours("vpc public IPv4 address", "public IPv4 addresses", count)


def database(given: Mapping[str, Any], uses: Uses) -> Iterator[Charge]:
    """A server of RDS and the storage it begins with; both twice with a standby."""
    engine, kind, times = given.get("engine"), str(given.get("instance_class")), 2 if given.get("multi_az") else 1
    yield _hours(f"rds {engine} {kind.removeprefix('db.')}", kind, times)
    yield _storage(f"rds {engine} GB", given.get("allocated_storage", 20), times)


def cluster_instance(given: Mapping[str, Any], uses: Uses) -> Iterator[Charge]:
    """The least size of a server of Aurora that scales; nothing where it pauses."""
    kind, least = given.get("instance_class", "db.serverless"), _capacity(uses("aws.rds.Cluster"), "MinCapacity")
    yield _hours("aurora ACU" if kind == "db.serverless" else f"aurora {kind}", str(kind), least)


def _capacity(cluster: Mapping[str, Any], key: str) -> Any:
    scaling = cluster.get("scaling")
    return scaling.get(key) if isinstance(scaling, Mapping) else None


def replica(given: Mapping[str, Any], uses: Uses) -> Iterator[Charge]:
    source = uses("aws.rds.Instance")
    yield from database({**source, "instance_class": given.get("instance_class"), "multi_az": None}, uses)


def proxy(given: Mapping[str, Any], uses: Uses) -> Iterator[Charge]:
    """A proxy costs by the processors of the database behind it, and by the largest size of a cluster, at least 8
    ACU."""
    if cluster := uses("aws.rds.Cluster"):
        most = _capacity(cluster, "MaxCapacity")
        yield _hours("rds proxy ACU", "proxy", most if most is None else max(most, 8))
        return
    kind = str(uses("aws.rds.Instance").get("instance_class"))
    yield _hours("rds proxy vCPU", f"proxy of {kind}", _CPUS.get(kind.rpartition(".")[2]))


def cache(given: Mapping[str, Any], uses: Uses) -> Iterator[Charge]:
    """All nodes of a cache: its shards, each with its replicas."""
    kind, shards, replicas = str(given.get("node_type")), given.get("node_groups") or 1, given.get("replicas") or 0
    nodes = shards * (1 + replicas) if isinstance(shards, int) and isinstance(replicas, int) else None
    yield _hours(f"cache {given.get('engine')} {kind.removeprefix('cache.')}", kind, nodes)


def search(given: Mapping[str, Any], uses: Uses) -> Iterator[Charge]:
    """The nodes of a search domain, and their storage."""
    kind, count, size = str(given.get("instance_type")), given.get("instance_count") or 1, given.get("volume_size")
    yield _hours(f"opensearch {kind}", kind, count)
    yield _storage(f"opensearch {given.get('volume_type', 'gp3')} GB", size, count)


def secret(given: Mapping[str, Any], uses: Uses) -> Iterator[Charge]:
    yield Charge("secret", MONTHLY["secrets secret"], SOURCE)
