"""A search domain: OpenSearch."""
from __future__ import annotations

from typing import Self, TypedDict, Unpack

from ..clouds.aws import opensearch
from ..clouds.aws.opensearch import password_problem
from ..core.component import Component, Options
from ..core.graph import current
from ..core.link import Link
from ..core.output import Input, Output, combine, plain
from ..core.transform import Transform
from ..core.units import gigabytes
from ..errors import UserError
from .database_password import password_of

__all__ = ["OpenSearch", "OpenSearchDev", "OpenSearchTransform"]

_SPECIAL = "!*-_."


class OpenSearchDev(TypedDict, total=False):
    """A server of yours that ``sst dev`` uses in place of the deployed one. ``url``: default
    ``"http://localhost:9200"``. ``username``, ``password``: default are those of the component."""

    url: str
    username: str
    password: str


class OpenSearchTransform(TypedDict, total=False):
    domain: Transform


class OpenSearch(Component, kind="sst.aws.OpenSearch", parts=tuple(OpenSearchTransform.__annotations__)):
    """A search domain of OpenSearch Service, reached over HTTPS by a user and a password.

        search = aws.OpenSearch("MySearch")
        aws.Function("Api", handler="src/api.handler", link=[search])      # Resource.MySearch.url

    version: default ``"OpenSearch_2.17"``. username: of its master user, ``"admin"`` by default. password: default is a
    generated one. instance: its class without ``.search``. storage: of its one node. dev: a server of yours for
    ``sst dev``.

    Source: OpenSearch Service API CreateDomain,
    https://docs.aws.amazon.com/opensearch-service/latest/APIReference/API_CreateDomain.html
    """

    id: Output[str]
    username: Output[str]
    password: Output[str]
    url: Output[str]

    def __init__(self, name: str, *, version: str = "OpenSearch_2.17", username: str = "admin",
                 password: Input[str] | None = None, instance: str = "t3.small", storage: str = "10 GB",
                 dev: OpenSearchDev | None = None, transform: OpenSearchTransform | None = None,
                 **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        if isinstance(password, str) and plain(password) and (odd := password_problem(password)):
            raise UserError(f"the password of {name} does not fit", hint=odd)
        if dev is not None and current().target.dev:
            self._own_server(dev, username, password)
            return
        with self.scope(transform):
            secret = password_of(password, special=_SPECIAL)
            domain = opensearch.Domain("Domain", engine_version=version, instance_type=f"{instance}.search",
                                       volume_size=gigabytes(storage, what="storage", low=10, high=24576),
                                       username=username, password=secret)
        self._known(domain, username, secret)

    def _known(self, domain: opensearch.Domain, username: Input[str], password: Output[str]) -> None:
        self.domain = domain
        self.id, self.username, self.password = domain.name, combine(v=username)["v"], password
        self.url = domain.host.apply(lambda host: f"https://{host}").as_secret()

    def _own_server(self, dev: OpenSearchDev, username: str, password: Input[str] | None) -> None:
        """Nothing is made: the link leads to a server of the developer's."""
        given = dev.get("password", password)
        values = combine(url=dev.get("url", "http://localhost:9200"), username=dev.get("username", username),
                         id="placeholder")
        self.id, self.username, self.url = values["id"], values["username"], values["url"].as_secret()
        self.password = password_of("" if given is None else given)

    @classmethod
    def get(cls, name: str, id: str, *, password: Input[str], username: str = "admin",
            **options: Unpack[Options]) -> Self:
        """An existing domain, by its name. It can be linked, and is never changed or deleted. OpenSearch Service does
        not tell its password: hand it over as a secret.

            search = aws.OpenSearch.get("MySearch", "acme-production", password=sst.Secret("SearchPassword").value)

        On stage ``local`` an empty one stands in for it.
        """
        self = cls.existing(name, **options)
        with self.scope():
            self._known(opensearch.Domain.get("Domain", name=id), username, password_of(password))
        return self

    def link(self) -> Link:
        """How to reach it. A link grants no call of AWS: whoever has the password may send requests."""
        return Link(self.logical_name, self.kind, {"url": self.url, "username": self.username,
                                                   "password": self.password})
