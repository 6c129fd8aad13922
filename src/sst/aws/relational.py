"""What the databases of RDS have in common: one server, its groups, a proxy, replicas and a link."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypedDict, cast

from ..clouds.aws import iam, rds, secretsmanager
from ..clouds.aws.rds_checks import password_problem
from ..core.component import Component, Options
from ..core.graph import current
from ..core.link import Link
from ..core.output import Input, Output, combine, plain
from ..core.transform import Transform
from ..core.units import gigabytes
from ..errors import UserError
from .database_options import Credentials, DatabaseDev, DatabaseProxy
from .database_password import address, password_of
from .network import Network, Subnets, network_of
from .vpc import Vpc

__all__ = ["DatabaseTransform", "Engine", "Relational"]


class DatabaseTransform(TypedDict, total=False):
    subnet_group: Transform
    parameter_group: Transform
    instance: Transform
    replica: Transform
    proxy: Transform
    secret: Transform
    role: Transform


@dataclass(frozen=True)
class Engine:
    """What an engine calls things."""

    name: str
    scheme: str
    port: int
    family: str
    """Of its proxies."""
    username: str
    parameters: Mapping[str, str]

    def group(self, version: str) -> str:
        """The family of parameter groups: ``postgres17``, ``mysql8.0``."""
        parts = version.split(".")
        return f"{self.name}{parts[0] if self.name == 'postgres' else '.'.join(parts[:2])}"


class Relational(Component):
    """A database of RDS; ``Postgres``, ``Mysql`` and ``Aurora`` are the ones to use."""

    engine: Engine

    id: Output[str]
    host: Output[str]
    port: Output[int]
    username: Output[str]
    password: Output[str]
    database: Output[str]
    proxy_id: Output[str] | None
    network: Network | None = None
    """Where it is, if the program says so."""
    deployed = True
    """False where ``dev`` leads to a server of the developer's."""
    identity: Input[str]
    """Changes when it is replaced or restored."""
    replica_hosts: Sequence[Output[str]]
    instance: rds.Instance | rds.ClusterInstance

    def _declare(self, *, version: str, username: str | None, password: Input[str] | None, database: str | None,
                 instance: str, storage: str, proxy: bool | DatabaseProxy, multi_az: bool, replicas: int,
                 deletion_protection: bool, vpc: Vpc | Subnets | None, dev: DatabaseDev | None,
                 transform: DatabaseTransform | None) -> None:
        engine, graph = self.engine, current()
        name = database or graph.app.replace("-", "_")
        user = username or engine.username
        self.proxy_id, self.replica_hosts = None, ()
        if dev is not None and graph.target.dev:
            self._own_server(dev, user, password, name)
            return
        self._check(password, replicas)
        where = network_of(f'{type(self).__name__} "{self.logical_name}"', vpc, self.where)
        kept = True if graph.removal != "remove" else None      # with the data goes what it needs
        with self.scope(transform):
            secret = password_of(password)
            subnets = rds.SubnetGroup("SubnetGroup", subnet_ids=where.subnets, retain=kept)
            group = rds.ParameterGroup("ParameterGroup", family=engine.group(version), parameters=engine.parameters,
                                       retain=kept)
            size = gigabytes(storage, what="storage", low=20, high=65536)
            server = rds.Instance(
                "Instance", engine=engine.name, engine_version=version, instance_class=f"db.{instance}",
                allocated_storage=20, max_allocated_storage=size if size > 20 else None, database=name, username=user,
                password=secret, subnet_group=subnets.name, parameter_group=group.name,
                security_groups=where.security_groups, multi_az=multi_az or None, performance_insights=True,
                deletion_protection=deletion_protection or None)
            self.instance, self.network, self.identity = server, where, server.resource_id
            self.id, self.port = server.name, server.port
            self.replica_hosts = [rds.Replica(f"Replica{i + 1}", source=server.name, instance_class=f"db.{instance}",
                                              security_groups=where.security_groups).host for i in range(replicas)]
            self._known(user, secret, name)
            self.host = server.host
            if proxy:
                self._proxy(proxy if isinstance(proxy, Mapping) else {}, where.subnets, where.security_groups, secret,
                            {"instance": server.name})

    def _check(self, password: Input[str] | None, replicas: int) -> None:
        if isinstance(password, str) and plain(password) and (odd := password_problem(self.engine.name, password)):
            raise UserError(f"the password of {self.logical_name} does not fit", hint=odd)
        if replicas < 0 or replicas > 15:
            raise UserError(f"replicas must be between 0 and 15; it is {replicas}")

    def _known(self, user: Input[str], secret: Output[str], name: Input[str]) -> None:
        self.username = combine(v=user)["v"]
        self.password, self.database = secret, combine(v=name)["v"]

    def _own_server(self, dev: DatabaseDev, user: str, password: Input[str] | None, name: str) -> None:
        """Nothing is made: the link leads to a server of the developer's."""
        given = dev.get("password", password)
        if given is None:
            raise UserError(f'dev of "{self.logical_name}" needs the password of your server',
                            hint='dev={"username": "postgres", "password": "...", "database": "local"}')
        values = combine(host=dev.get("host", "localhost"), port=dev.get("port", self.engine.port),
                         username=dev.get("username", user), database=dev.get("database", name), id="placeholder")
        self.id, self.host, self.port = values["id"], values["host"], values["port"]
        self.username, self.database = values["username"], values["database"]
        self.deployed, self.identity = False, values["host"]
        self.password = password_of(given)

    def _proxy(self, given: DatabaseProxy, subnets: Sequence[Input[str]], groups: Sequence[Input[str]] | None,
               password: Output[str], target: Mapping[str, Any]) -> None:
        users: list[Credentials] = [{"username": cast(str, self.username), "password": password},
                                    *given.get("credentials", ())]
        secrets = [secretsmanager.Secret(f"ProxySecret{i or ''}", value=combine(
            username=user["username"], password=user["password"]).apply(json.dumps).as_secret()).arn
            for i, user in enumerate(users)]
        role = iam.Role("ProxyRole", assume_role_policy=_trust())
        allowed = iam.RolePolicy("ProxyRolePolicy", role=role.name, policy={
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue",
                                                    "Resource": secrets}]})
        proxy = rds.Proxy("Proxy", engine_family=self.engine.family, secrets=secrets, role=role.arn,
                          subnet_ids=subnets, security_groups=groups, depends_on=[allowed])
        behind = rds.ProxyTarget("ProxyTarget", proxy=proxy.name, **target)
        self.proxy_id = proxy.name
        self.host = combine(host=proxy.host, target=behind.proxy)["host"]

    @classmethod
    def _existing(cls, name: str, id: str, password: Input[str], proxy_id: str | None,
                  options: Options) -> Self:
        self = cls.existing(name, **cast(Any, options))
        with self.scope():
            server = rds.Instance.get("Instance", name=id)
            self.instance, self.id, self.identity = server, server.name, server.resource_id
            self.host, self.port = server.host, server.port
            self.proxy_id, self.replica_hosts = None, ()
            self._known(server.username, password_of(password), server.database)
            if proxy_id is not None:
                proxy = rds.Proxy.get("Proxy", name=proxy_id)
                self.proxy_id, self.host = proxy.name, proxy.host
        return self

    @property
    def connection_string(self) -> Output[str]:
        """``postgresql://user:password@host:port/database``, secret. User and password are percent-encoded."""
        return address(self.engine.scheme, username=self.username, password=self.password, host=self.host,
                       port=self.port, database=self.database)

    def link(self) -> Link:
        """How to connect to it. A link grants no call of AWS: whoever has the password may connect."""
        return Link(self.logical_name, self.kind, {
            "database": self.database, "username": self.username, "password": self.password, "port": self.port,
            "host": self.host, "connectionString": self.connection_string})


def _trust() -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "rds.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
