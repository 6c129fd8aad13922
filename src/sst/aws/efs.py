"""A file system that functions, services and tasks mount."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict, Unpack

from ..clouds.aws import ec2, efs
from ..core.component import Component, Options
from ..core.graph import current
from ..core.output import Input, Output
from ..core.transform import Transform
from ..errors import UserError
from .vpc import Vpc, the_vpc

if TYPE_CHECKING:
    from ..clouds.aws.lookup import Lookups

__all__ = ["Efs", "EfsSubnets", "EfsTransform"]

_NFS = 2049
_MODES = {"general-purpose": "generalPurpose", "max-io": "maxIO"}


class EfsTransform(TypedDict, total=False):
    file_system: Transform
    access_point: Transform
    security_group: Transform


class EfsSubnets(TypedDict, total=False):
    """A network that the program does not declare: its ``id``, and ``subnets``, one in each availability zone from
    which the file system is mounted."""

    id: str
    subnets: Sequence[Input[str]]


@dataclass(frozen=True)
class _Place:
    id: Input[str]
    subnets: Sequence[Input[str]]
    cidr: str


class Efs(Component, kind="sst.aws.Efs", parts=tuple(EfsTransform.__annotations__)):
    """A file system of EFS. Functions, services and tasks mount it and share its files.

        vpc = aws.Vpc("MyVpc")
        files = aws.Efs("MyFiles", vpc=vpc)
        aws.Function("Api", handler="src/api.handler", vpc=vpc, volume={"efs": files, "path": "/mnt/efs"})

    throughput: ``"elastic"`` by default. performance: ``"general-purpose"`` by default. vpc: default is the only
    ``Vpc`` declared before. It is encrypted, and it has a mount target in each private subnet, which everything
    inside of the network can reach.

    Source: EFS API CreateFileSystem, https://docs.aws.amazon.com/efs/latest/ug/API_CreateFileSystem.html
    """

    def __init__(self, name: str, *, throughput: Literal["elastic", "bursting", "provisioned"] = "elastic",
                 performance: Literal["general-purpose", "max-io"] = "general-purpose",
                 vpc: Vpc | EfsSubnets | None = None, transform: EfsTransform | None = None,
                 **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        if throughput not in ("elastic", "bursting", "provisioned"):
            raise UserError(f"throughput can't be {throughput!r}", hint='"elastic", "bursting" or "provisioned"')
        if performance not in _MODES:
            raise UserError(f"performance can't be {performance!r}", hint='"general-purpose" or "max-io"')
        place = _place(f'Efs "{name}"', vpc, self.where)
        with self.scope(transform):
            self._declare(throughput, _MODES[performance])
            self._place_in(place)

    def _declare(self, throughput: str, mode: str) -> None:
        self._system = efs.FileSystem("FileSystem", throughput_mode=throughput, performance_mode=mode)
        self._point = efs.AccessPoint("AccessPoint", file_system_id=self._system.id, posix_user={"Uid": 0, "Gid": 0},
                                      root_directory={"Path": "/"})
        self.mount_targets: Sequence[object] = ()

    def _place_in(self, place: _Place) -> None:
        group = ec2.SecurityGroup("SecurityGroup", vpc_id=place.id, description="Mount targets of a file system",
                                  ingress=[{"protocol": "tcp", "from": _NFS, "to": _NFS, "cidr": place.cidr}])
        self.mount_targets = [efs.MountTarget(f"MountTarget{i + 1}", file_system_id=self._system.id, subnet_id=subnet,
                                        security_groups=[group.id]) for i, subnet in enumerate(place.subnets)]

    @classmethod
    def get(cls, name: str, id: str, **options: Unpack[Options]) -> Self:
        """An existing file system, by its id. Nothing about it is changed: its mount targets and one access point must
        be there.

            files = aws.Efs.get("MyFiles", "fs-0123456789abcdef0")

        Its access point is asked for when the program runs: the one that this component makes, or else the only one.
        On stage ``local`` an empty file system of the app's own stands in for it.
        """
        self = cls.existing(name, **options)
        if current().target.is_local:
            with self.scope():
                self._declare("elastic", "generalPurpose")
            return self
        lookups: Lookups = current().context.lookups
        point = lookups.access_point(id)
        with self.scope():
            self._system = efs.FileSystem.get("FileSystem", id=id)
            self._point = efs.AccessPoint.get("AccessPoint", id=point)
        self.mount_targets = ()
        return self

    @property
    def id(self) -> Output[str]:
        """``fs-...``"""
        return self._system.id

    @property
    def arn(self) -> Output[str]:
        return self._system.arn

    @property
    def access_point(self) -> Output[str]:
        """Id of the access point, ``fsap-...``: the whole file system, as root."""
        return self._point.id

    @property
    def access_point_arn(self) -> Output[str]:
        return self._point.arn


def _place(what: str, vpc: Any, where: str) -> _Place:
    if not isinstance(vpc, Mapping):
        found = the_vpc(what, vpc, where)
        return _Place(found.id, _one_a_zone(found), found.cidr)
    if not vpc.get("id") or not vpc.get("subnets") or isinstance(vpc["subnets"], str):
        raise UserError(f"vpc of {what} needs an id and subnets", where=where,
                        hint='vpc={"id": "vpc-...", "subnets": ["subnet-..."]}, or an aws.Vpc')
    if current().target.is_local:
        raise UserError(f"vpc of {what} names a network of the account, which stage local does not have", where=where,
                        hint=f'vpc=aws.Vpc.get("MyVpc", "{vpc["id"]}"): on stage local a network of the app\'s own '
                             "stands in for it")
    lookups: Lookups = current().context.lookups
    there = lookups.network(vpc["id"])
    taken: dict[str, str] = {}
    for subnet in vpc["subnets"]:
        if isinstance(subnet, str) and (zone := there.zones.get(subnet)) and taken.setdefault(zone, subnet) != subnet:
            raise UserError(f"{what} has two subnets in {zone}, {taken[zone]} and {subnet}; EFS takes one a zone",
                            where=where, hint=f'vpc={{"id": "{vpc["id"]}", "subnets": ["{taken[zone]}", ...]}}')
    return _Place(vpc["id"], list(vpc["subnets"]), there.cidr)


def _one_a_zone(vpc: Vpc) -> Sequence[Input[str]]:
    """Its private subnets, of an existing network the first in each availability zone: EFS takes one a zone.

    Source: https://docs.aws.amazon.com/efs/latest/ug/API_CreateMountTarget.html
    """
    made, seen = [], set()
    for subnet in vpc.private_subnets:
        zone = vpc.zones.get(subnet) if isinstance(subnet, str) else None
        if zone is None or zone not in seen:
            made.append(subnet)
        seen.add(zone)
    return made
