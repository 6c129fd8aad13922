"""A cluster of Aurora, for PostgreSQL or MySQL."""
from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal, Self, TypedDict, Unpack

from ..clouds.aws import rds, secretsmanager
from ..core.component import Options
from ..core.graph import current
from ..core.link import Link
from ..core.output import Input, Output, combine
from ..core.transform import Transform
from ..core.units import seconds
from ..errors import UserError
from .database_options import DatabaseDev, DatabaseProxy
from .database_password import password_of
from .link_permissions import grants
from .network import Subnets, network_of
from .permissions import permission
from .relational import DatabaseTransform, Engine, Relational
from .vpc import Vpc

__all__ = ["Aurora", "AuroraScaling", "AuroraTransform"]

_ENGINES: Mapping[str, tuple[Engine, str]] = {
    "postgres": (Engine("aurora-postgresql", "postgresql", 5432, "POSTGRESQL", "postgres",
                        {"rds.force_ssl": "0", "rds.logical_replication": "1"}), "17"),
    "mysql": (Engine("aurora-mysql", "mysql", 3306, "MYSQL", "root", {}), "3.08.0"),
}
"""Engine → what it calls things, and its default version."""
_PAUSE = "5 minutes"


class AuroraScaling(TypedDict, total=False):
    """Between which sizes a server scales, in ACU of 2 GB of memory each. ``min``: ``"0 ACU"`` by default, with which
    it pauses while nobody is connected. ``max``: ``"4 ACU"`` by default, at most 256. ``pause_after``: from 5 minutes,
    the default, to 24 hours; only with a min of 0."""

    min: str
    max: str
    pause_after: str


class AuroraTransform(DatabaseTransform, total=False):
    """Changes of the resources of an ``Aurora``."""

    cluster_parameter_group: Transform
    cluster: Transform
    data_api: Transform


class Aurora(Relational, kind="sst.aws.Aurora", parts=tuple({**DatabaseTransform.__annotations__,
                                                             **AuroraTransform.__annotations__})):
    """A cluster of Aurora Serverless v2 in a network, with one database.

        vpc = aws.Vpc("MyVpc")
        db = aws.Aurora("MyDB", engine="postgres", vpc=vpc)
        aws.Function("Api", handler="src/api.handler", vpc=vpc, link=[db])      # Resource.MyDB.connectionString

    engine: ``"postgres"`` or ``"mysql"``. version: default 17 of PostgreSQL, 3.08.0 of Aurora MySQL, which is MySQL
    8.0. username, database: of its user and its first database; neither can be changed later. password: default is a
    generated one. scaling: its size, from 0, where it pauses, to 4 ACU by default. replicas: servers that only read,
    at most 15. data_api: let it be queried by calls of AWS, without a connection. proxy: pool connections, for many
    functions. deletion_protection: RDS itself refuses to delete it. vpc: default is the only ``Vpc`` declared before.
    dev: a server of yours for ``sst dev``.

    On stage ``local`` it is one PostgreSQL server, or MariaDB for MySQL, which replicas lead to as well.

    Source: RDS API CreateDBCluster,
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html
    """

    cluster_arn: Output[str]
    secret_arn: Output[str]
    reader: Output[str] | None
    """Host of the servers that only read; None with a proxy."""

    def __init__(self, name: str, *, engine: Literal["postgres", "mysql"], version: str | None = None,
                 username: str | None = None, password: Input[str] | None = None, database: str | None = None,
                 scaling: AuroraScaling | None = None, replicas: int = 0, data_api: bool = False,
                 proxy: bool | DatabaseProxy = False, deletion_protection: bool = False,
                 vpc: Vpc | Subnets | None = None, dev: DatabaseDev | None = None,
                 transform: AuroraTransform | None = None, **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        if engine not in _ENGINES:
            raise UserError(f"engine can't be {engine!r}", hint='"postgres" or "mysql"')
        self.engine, usual = _ENGINES[engine]
        graph, self.proxy_id, self.replica_hosts, self._data_api = current(), None, (), data_api
        own, user = database or graph.app.replace("-", "_"), username or self.engine.username
        if dev is not None and graph.target.dev:
            self._own_server(dev, user, password, own)
            self.reader, self.cluster_arn, self.secret_arn = self.host, self.id, self.id
            return
        self._check(password, replicas)
        where = network_of(f'Aurora "{name}"', vpc, self.where)
        number = version or usual
        full = f"8.0.mysql_aurora.{number}" if engine == "mysql" and re.match(r"3\.", number) else number
        family = "aurora-mysql8.0" if engine == "mysql" else f"aurora-postgresql{number.partition('.')[0]}"
        kept = True if graph.removal != "remove" else None      # with the data goes what it needs
        with self.scope(transform):
            secret = password_of(password)
            keys = secretsmanager.Secret("Secret", value=combine(username=user, password=secret).apply(
                json.dumps).as_secret(), retain=kept)
            subnets = rds.SubnetGroup("SubnetGroup", subnet_ids=where.subnets, retain=kept)
            groups = rds.ClusterParameterGroup("ClusterParameterGroup", family=family,
                                               parameters=self.engine.parameters or None, retain=kept)
            single = rds.ParameterGroup("ParameterGroup", family=family, retain=kept)
            cluster = rds.Cluster(
                "Cluster", engine=self.engine.name, engine_version=full, database=own, username=user, password=secret,
                scaling=_scaling(scaling or {}), subnet_group=subnets.name, parameter_group=groups.name,
                security_groups=where.security_groups,
                deletion_protection=deletion_protection or None)
            servers = [rds.ClusterInstance(f"Replica{i}" if i else "Instance", cluster=cluster.name,
                                           engine=self.engine.name, parameter_group=single.name, retain=kept,
                                           promotion_tier=15 if i else None) for i in range(replicas + 1)]
            self.network, self.cluster, self.instance = where, cluster, servers[0]
            self._leads_to(cluster, keys.arn, user, secret, own, servers)
            if data_api:
                self.cluster_arn = rds.HttpEndpoint("DataApi", cluster_arn=cluster.arn).cluster_arn
            if proxy:
                self._proxy(proxy if isinstance(proxy, Mapping) else {}, where.subnets, where.security_groups, secret,
                            {"cluster": cluster.name, "depends_on": servers})
                self.reader = None

    def _leads_to(self, cluster: rds.Cluster, secret_arn: Input[str], user: Input[str], password: Output[str],
                  database: Input[str], servers: list[rds.ClusterInstance]) -> None:
        """What uses the host waits for the first server: a cluster without one takes no connection."""
        made = combine(host=cluster.host, reader=cluster.reader, port=cluster.port, secret=secret_arn,
                       servers=[server.name for server in servers])
        self.id, self.identity, self.cluster_arn = cluster.name, cluster.resource_id, cluster.arn
        self.host, self.reader, self.port, self.secret_arn = (made[k] for k in ("host", "reader", "port", "secret"))
        self._known(user, password, database)

    @classmethod
    def get(cls, name: str, id: str, *, password: Input[str], secret_arn: str | None = None,
            **options: Unpack[Options]) -> Self:
        """An existing cluster, by its identifier in RDS. It can be linked, and is never changed or deleted. RDS does
        not tell its password: hand it over as a secret. ``secret_arn``: that of a secret with its user and password,
        for the Data API.

            db = aws.Aurora.get("MyDB", "acme-production", password=sst.Secret("DbPassword").value)

        On stage ``local`` an empty one stands in for it, of PostgreSQL.
        """
        self = cls.existing(name, **options)
        self.engine, _ = _ENGINES["postgres"]
        self.proxy_id, self.replica_hosts, self._data_api = None, (), secret_arn is not None
        with self.scope():
            cluster = rds.Cluster.get("Cluster", name=id)
            self.cluster = cluster
            self._leads_to(cluster, secret_arn or "", cluster.username, password_of(password), cluster.database, [])
        return self

    def link(self) -> Link:
        """How to connect to it. With ``data_api`` a link also grants the calls of the Data API."""
        link = super().link()
        more: dict[str, Any] = {"clusterArn": self.cluster_arn, "secretArn": self.secret_arn}
        if self.reader is not None:
            more["reader"] = self.reader
        if not self.deployed:
            return Link(link.name, link.type, {**link.properties, **more})
        reads = (permission(["secretsmanager:GetSecretValue"], [self.secret_arn]),
                 *grants(self.kind, rds.HttpEndpoint.actions, self.cluster_arn)) if self._data_api else ()
        return Link(link.name, link.type, {**link.properties, **more}, reads)


def _scaling(given: AuroraScaling) -> dict[str, float]:
    low, high = _capacity(given.get("min", "0 ACU"), "min"), _capacity(given.get("max", "4 ACU"), "max")
    made = {"MinCapacity": low, "MaxCapacity": high}
    if low == 0 or "pause_after" in given:
        made["SecondsUntilAutoPause"] = seconds(given.get("pause_after", _PAUSE), what="pause_after")
    return made


def _capacity(text: object, what: str) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*ACU\s*", text) if isinstance(text, str) else None
    if not found:
        raise UserError(f"{what} of scaling can't be {text!r}", hint='write it like "0.5 ACU" or "4 ACU"')
    number = float(found[1])
    return int(number) if number == int(number) else number
