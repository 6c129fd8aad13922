"""A cache: Redis or Valkey."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, TypedDict, Unpack

from ..clouds.aws import elasticache
from ..core.component import Component, Options
from ..core.graph import current
from ..core.link import Link
from ..core.output import Input, Output, combine
from ..core.transform import Transform
from ..errors import UserError
from .database_password import address, password_of
from .network import Subnets, network_of
from .vpc import Vpc

__all__ = ["Redis", "RedisCluster", "RedisDev", "RedisTransform"]

_VERSIONS = {"redis": "7.1", "valkey": "7.2"}
_PORT, _USER = 6379, "default"


class RedisCluster(TypedDict, total=False):
    """``nodes``: the shards that its keys are spread over, 1 by default."""

    nodes: int


class RedisDev(TypedDict, total=False):
    """A server of yours that ``sst dev`` uses in place of the deployed one. ``host``: default ``"localhost"``.
    ``port``: default 6379. ``username``: default ``"default"``. ``password``: default none."""

    host: str
    port: int
    username: str
    password: str


class RedisTransform(TypedDict, total=False):
    subnet_group: Transform
    parameter_group: Transform
    cluster: Transform


class Redis(Component, kind="sst.aws.Redis", parts=tuple(RedisTransform.__annotations__)):
    """A cache of ElastiCache in a network, with TLS and a password.

        cache = aws.Redis("MyCache", vpc=vpc)
        aws.Function("Api", handler="src/api.handler", link=[cache])      # Resource.MyCache.url

    engine: ``"redis"``, the default, or ``"valkey"``. version: default 7.1 of Redis, 7.2 of Valkey. instance: its class
    without ``cache.``. cluster: the cluster protocol, on by default, for which clients have a mode of their own;
    ``{"nodes": 3}`` for several shards, False for a single node. parameters: of the server. vpc: default is the only
    ``Vpc`` declared before. dev: a server of yours for ``sst dev``.

    Source: ElastiCache API CreateReplicationGroup,
    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
    """

    id: Output[str]
    host: Output[str]
    port: Output[int]
    username: Output[str]
    password: Output[str]

    def __init__(self, name: str, *, engine: Literal["redis", "valkey"] = "redis", version: str | None = None,
                 instance: str = "t4g.micro", cluster: bool | RedisCluster = True,
                 parameters: Mapping[str, str] | None = None, vpc: Vpc | Subnets | None = None,
                 dev: RedisDev | None = None, transform: RedisTransform | None = None,
                 **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        if engine not in _VERSIONS:
            raise UserError(f"engine can't be {engine!r}", hint='"redis" or "valkey"')
        self._tls = True
        if dev is not None and current().target.dev:
            self._own_server(dev)
            return
        where = network_of(f'Redis "{name}"', vpc, self.where)
        kept = True if current().removal != "remove" else None      # with the data goes what it needs
        number = version or _VERSIONS[engine]
        nodes = cluster.get("nodes", 1) if isinstance(cluster, Mapping) else 1
        given = {**(parameters or {}), **({"cluster-enabled": "yes"} if cluster else {})}
        with self.scope(transform):
            secret = password_of(None)
            subnets = elasticache.SubnetGroup("SubnetGroup", subnet_ids=where.subnets, retain=kept)
            group = elasticache.ParameterGroup("ParameterGroup", family=_family(engine, number),
                                               parameters=given or None, retain=kept)
            server = elasticache.ReplicationGroup(
                "Cluster", engine=engine, engine_version=number, node_type=f"cache.{instance}", node_groups=nodes,
                replicas=0, automatic_failover=True if cluster else None, parameter_group=group.name,
                subnet_group=subnets.name, security_groups=where.security_groups, auth_token=secret)
        self._known(server, secret)

    def _known(self, server: elasticache.ReplicationGroup, password: Output[str]) -> None:
        self.cluster = server
        self.id, self.host, self.port = server.name, server.host, server.port
        self.username, self.password = combine(v=_USER)["v"], password

    def _own_server(self, dev: RedisDev) -> None:
        """Nothing is made: the link leads to a server of the developer's, without TLS."""
        values = combine(host=dev.get("host", "localhost"), port=dev.get("port", _PORT),
                         username=dev.get("username", _USER), id="placeholder")
        self.id, self.host, self.port, self.username = (values[k] for k in ("id", "host", "port", "username"))
        self.password, self._tls = password_of(dev.get("password", "")), False

    @classmethod
    def get(cls, name: str, id: str, *, password: Input[str], **options: Unpack[Options]) -> Self:
        """An existing cache with TLS, by the id of its replication group. It can be linked, and is never changed or
        deleted. ElastiCache does not tell its password: hand it over as a secret.

            cache = aws.Redis.get("MyCache", "acme-production", password=sst.Secret("CachePassword").value)

        On stage ``local`` an empty one stands in for it.
        """
        self = cls.existing(name, **options)
        self._tls = True
        with self.scope():
            server = elasticache.ReplicationGroup.get("Cluster", name=id)
            self._known(server, password_of(password))
        return self

    @property
    def url(self) -> Output[str]:
        """``rediss://default:password@host:port``, secret; ``redis://`` for a server of ``dev``, without a password if
        it has none."""
        scheme = "rediss" if self._tls else "redis"
        return address(scheme, username=self.username, password=self.password, host=self.host, port=self.port)

    def link(self) -> Link:
        """How to connect to it. A link grants no call of AWS: whoever has the password may connect."""
        properties: dict[str, Any] = {"host": self.host, "port": self.port, "username": self.username,
                                      "password": self.password, "url": self.url}
        return Link(self.logical_name, self.kind, properties)


def _family(engine: str, version: str) -> str:
    """The family of parameter groups: ``redis7``, ``redis6.x``, ``valkey7``."""
    major, _, minor = version.partition(".")
    if engine == "redis" and major.isdecimal() and int(major) < 6:
        return f"redis{major}.{minor.partition('.')[0]}"
    return f"{engine}6.x" if major == "6" else f"{engine}{major}"
