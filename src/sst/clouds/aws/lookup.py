"""Look-ups: what a program may ask of the account while it declares. Each question is asked once a run.

    Lookups(client, account).hosted_zone("api.example.com")      # "Z0123456789"
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from threading import Lock
from typing import TYPE_CHECKING, Any

from ...errors import UserError
from ...records import dataclass

if TYPE_CHECKING:
    from .client import Aws

__all__ = ["Existing", "Lookups"]


@dataclass(frozen=True)
class Existing:
    """An existing network: its addresses, ids of its subnets and groups, and whether private subnets reach the
    internet."""

    cidr: str
    public: tuple[str, ...]
    private: tuple[str, ...]
    groups: tuple[str, ...]
    nat: bool
    endpoints: tuple[str, ...]
    zones: Mapping[str, str] = field(default_factory=dict)
    """Subnet → its availability zone."""
    bastion: str = ""
    """Id of the instance for `sst tunnel`, if there is one."""


class Lookups:
    """``client`` gives the client of the app's own account, which a program that looks up nothing else does without;
    ``account`` the id of that account."""

    def __init__(self, client: Callable[[], Aws], account: Callable[[], str]) -> None:
        self._client, self.account, self._lock = client, account, Lock()
        self._zones_found: list[dict[str, Any]] | None = None
        self._networks: dict[str, Existing] = {}

    @property
    def _aws(self) -> Aws:
        return self._client()

    def hosted_zone(self, domain: str) -> str:
        """Id of the public hosted zone with the longest name that ``domain`` ends with. Raises ``UserError`` if there
        is none."""
        name = domain.rstrip(".").lower().removeprefix("*.")
        fits = [z for z in self._zones() if name == z["Name"] or name.endswith("." + z["Name"])]
        if not fits:
            there = ", ".join(sorted(z["Name"] for z in self._zones())) or "none"
            raise UserError(f"there is no hosted zone in Route 53 for {domain}",
                            hint=f"zones of this account: {there}; create one, "
                            "or name it with dns=aws.dns(zone=\"Z…\")")
        longest = max(len(z["Name"]) for z in fits)
        best = sorted(z["Id"] for z in fits if len(z["Name"]) == longest)
        if len(best) > 1:
            raise UserError(f"{domain} fits several hosted zones: {', '.join(best)}",
                            hint="name one with dns=aws.dns(zone=\"Z…\")")
        return str(best[0])

    def network(self, id: str) -> Existing:
        """What is in a VPC. Raises ``UserError`` if there is none with this id."""
        with self._lock:
            if id not in self._networks:
                self._networks[id] = self._network(id)
            return self._networks[id]

    def _network(self, id: str) -> Existing:
        there = self._in_network("describe_vpcs", "Vpcs", id)
        if not there:
            raise UserError(f"there is no VPC {id} in {self._aws.region}",
                            hint="check its id, and the account and region of the app")
        subnets = sorted(self._in_network("describe_subnets", "Subnets", id), key=lambda s: s["AvailabilityZone"])
        tables = self._in_network("describe_route_tables", "RouteTables", id)
        leads = {s["SubnetId"]: _leads(tables, s["SubnetId"]) for s in subnets}
        private = [s["SubnetId"] for s in subnets if leads[s["SubnetId"]] != "internet"]
        groups = self._in_network("describe_security_groups", "SecurityGroups", id)
        urns = {g["GroupId"]: t["Value"] for g in groups for t in g.get("Tags", ()) if t["Key"] == "sst:urn"}
        ours = [g for g, urn in urns.items() if urn.startswith("sst.aws.Vpc/") and urn.endswith("/SecurityGroup")]
        ends = self._in_network("describe_vpc_endpoints", "VpcEndpoints", id)
        return Existing(there[0]["CidrBlock"], tuple(s["SubnetId"] for s in subnets if s["SubnetId"] not in private),
                        tuple(private), tuple(ours or [g["GroupId"] for g in groups if g["GroupName"] == "default"]),
                        bool(private) and all(leads[s] == "nat" for s in private),
                        tuple(sorted(e["ServiceName"].rpartition(".")[2] for e in ends)),
                        {s["SubnetId"]: s["AvailabilityZone"] for s in subnets}, self._bastion(id))

    def _bastion(self, network: str) -> str:
        """The instance that is tagged as one, as a `Vpc` of sst and of SST tags it; the first by its id."""
        answer = self._aws.call("ec2", "describe_instances", {"Filters": [
            {"Name": "vpc-id", "Values": [network]}, {"Name": "tag:sst:is-bastion", "Values": ["true"]},
            {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]})
        return min((str(i["InstanceId"]) for r in answer.get("Reservations", ()) for i in r["Instances"]), default="")

    def access_point(self, file_system: str) -> str:
        """Id of the access point of a file system: the one that an ``Efs`` made, or the only one. Raises ``UserError``
        if there is none, or several."""
        answer = self._aws.call("efs", "describe_access_points", {"FileSystemId": file_system})
        there = {p["AccessPointId"]: {t["Key"]: t["Value"] for t in p.get("Tags", ())}
                 for p in answer.get("AccessPoints", ())}
        ours = [p for p, tags in there.items() if tags.get("sst:urn", "").startswith("sst.aws.Efs/")]
        if len(found := ours or list(there)) != 1:
            raise UserError(f"the file system {file_system} has {len(found) or 'no'} access points, and one is needed",
                            hint='make one in EFS, or name it where it is mounted: volume={"efs": "arn:aws:...:'
                                 'access-point/fsap-..."}')
        return str(found[0])

    def _in_network(self, op: str, items: str, id: str) -> list[dict[str, Any]]:
        service, params = self._aws.service("ec2"), {"Filters": [{"Name": "vpc-id", "Values": [id]}]}
        answer = page = self._aws.call("ec2", op, params)
        while more := service.next_page(op, page):
            page = self._aws.call("ec2", op, {**params, **more})
            service.extend(op, answer, page)
        return [x for x in answer.get(items, ()) if x.get("VpcId") == id]

    def _zones(self) -> list[dict[str, Any]]:
        """The account's public zones: ``Name`` without its last dot, ``Id`` without its path."""
        with self._lock:
            if self._zones_found is None:
                found: list[dict[str, Any]] = []
                more: dict[str, str] = {}
                while True:
                    answer = self._aws.call("route53", "list_hosted_zones", more)
                    found += [{"Name": z["Name"].rstrip(".").lower(), "Id": z["Id"].rpartition("/")[2]}
                              for z in answer["HostedZones"]
                              if not z.get("Config", {}).get("PrivateZone")]
                    if not answer.get("IsTruncated"):
                        break
                    more = {"Marker": answer["NextMarker"]}
                self._zones_found = found
            return self._zones_found


def _leads(tables: list[dict[str, Any]], subnet: str) -> str:
    """Where a subnet's packets to the internet go: ``internet``, ``nat``, or nowhere."""
    own = [t for t in tables if any(a.get("SubnetId") == subnet for a in t.get("Associations", ()))]
    main = [t for t in tables if any(a.get("Main") for a in t.get("Associations", ()))]
    for table in (own or main)[:1]:
        for route in table.get("Routes", ()):
            if route.get("DestinationCidrBlock") == "0.0.0.0/0":
                return "internet" if str(route.get("GatewayId", "")).startswith("igw-") else "nat"
    return ""
