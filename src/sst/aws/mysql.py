"""A MySQL database."""
from __future__ import annotations

from typing import Self, Unpack

from ..core.component import Options
from ..core.output import Input
from .database_options import DatabaseDev, DatabaseProxy
from .network import Subnets
from .relational import DatabaseTransform, Engine, Relational
from .vpc import Vpc

__all__ = ["Mysql", "MysqlTransform"]


class MysqlTransform(DatabaseTransform, total=False):
    """Changes of the resources of a ``Mysql``."""


class Mysql(Relational, kind="sst.aws.Mysql", parts=tuple(MysqlTransform.__annotations__)):
    """A MySQL server of RDS in a network, with one database.

        vpc = aws.Vpc("MyVpc")
        db = aws.Mysql("MyDB", vpc=vpc)
        aws.Function("Api", handler="src/api.handler", vpc=vpc, link=[db])      # Resource.MyDB.connectionString

    version: ``"8.4"``, or a minor one. username, database: of its user and its first database; neither can be changed
    later. password: default is a generated one. instance: its class without ``db.``. storage: to which it may grow; it
    begins with 20 GB. proxy: pool connections, for many functions. multi_az: a standby in another zone. replicas:
    read-only copies, at most 15. deletion_protection: RDS itself refuses to delete it. vpc: default is the only
    ``Vpc`` declared before. dev: a server of yours for ``sst dev``.

    On stage ``local`` it is a MariaDB server, by the program ``mariadbd`` of this machine.

    Source: RDS API CreateDBInstance,
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
    """

    engine = Engine("mysql", "mysql", 3306, "MYSQL", "root", {})

    def __init__(self, name: str, *, version: str = "8.4", username: str | None = None,
                 password: Input[str] | None = None, database: str | None = None, instance: str = "t4g.micro",
                 storage: str = "20 GB", proxy: bool | DatabaseProxy = False, multi_az: bool = False,
                 replicas: int = 0, deletion_protection: bool = False, vpc: Vpc | Subnets | None = None,
                 dev: DatabaseDev | None = None, transform: MysqlTransform | None = None,
                 **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        self._declare(version=version, username=username, password=password, database=database, instance=instance,
                      storage=storage, proxy=proxy, multi_az=multi_az, replicas=replicas,
                      deletion_protection=deletion_protection, vpc=vpc, dev=dev, transform=transform)

    @classmethod
    def get(cls, name: str, id: str, *, password: Input[str], proxy_id: str | None = None,
            **options: Unpack[Options]) -> Self:
        """An existing database, by its identifier in RDS. It can be linked, and is never changed or deleted. RDS does
        not tell its password: hand it over as a secret.

            db = aws.Mysql.get("MyDB", "acme-production", password=sst.Secret("DbPassword").value)

        On stage ``local`` an empty one stands in for it.
        """
        return cls._existing(name, id, password, proxy_id, options)
