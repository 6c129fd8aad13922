"""AWS as the registry sees it: a client for each provider instance, which account that is, and what the app keeps
there."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import RLock
from typing import TYPE_CHECKING, Any

from ...core.provider import Provider
from ...errors import UserError
from ..context import StageContext
from .assets import assets_of, transient
from .uploads import Asset

if TYPE_CHECKING:
    from concurrent.futures import Future

    from .client import Aws

__all__ = ["AwsCloud"]

DEFAULT = "aws"


class AwsCloud:
    """Everything is opened on first use: an app that needs no AWS opens no connection and needs no account.

    ``code`` gives the zip of a function's code.
    """

    def __init__(self, context: StageContext, code: Asset) -> None:
        self.context, self.code = context, code
        self._clients: dict[str, Aws] = {}
        self._settings: dict[str, Mapping[str, Any]] = {}
        self._buckets: dict[str, str] = {}
        self._caller: Future[str] | None = None
        self._lock = RLock()

    @property
    def client(self) -> Aws:
        """The client of the app's own account and region."""
        return self.open(DEFAULT, self.defaults)

    @property
    def defaults(self) -> Mapping[str, str]:
        """The settings of the default instance."""
        found: Mapping[str, str] = self.context.defaults.get("aws", {})
        return found

    @property
    def counts(self) -> dict[str, int]:
        """Requests till now by ``sqs.create_queue``, of all instances."""
        total: dict[str, int] = {}
        for client in list(self._clients.values()):
            for call, n in client.counts.items():
                total[call] = total.get(call, 0) + n
        return total

    def open(self, reference: str, settings: Mapping[str, Any]) -> Aws:
        """The client of an instance with these settings; the same one for the same settings."""
        with self._lock:
            if reference not in self._clients or self._settings[reference] != settings:
                self._clients[reference] = self._opened(reference, settings)
                self._settings[reference] = dict(settings)
            return self._clients[reference]

    def _opened(self, reference: str, given: Mapping[str, Any]) -> Aws:
        from .client import Aws  # brings ssl, which an app without AWS does not need

        c = self.context
        region = given.get("region") or c.region
        if c.local:
            cloud = c.local()
            return Aws(region=region, endpoint=cloud.endpoint, credentials=(cloud.access_key, cloud.secret_key),
                       environment={}, account=cloud.account)
        keys = (given["access_key"], given["secret_key"],
                given.get("session_token")) if given.get("access_key") else None
        from .profile import profile_of

        own = None if c.environ.get("AWS_PROFILE") else profile_of(c.profile, c.environ)
        profile = given.get("profile") or own
        base = Aws(region=region, profile=profile, credentials=keys, environment=c.environ)
        if not given.get("role_arn"):
            return base
        from .assume import AssumedRole

        role = AssumedRole(base, given["role_arn"], name=given.get("session_name") or f"sst-{c.app}-{c.stage}"[:64],
                           external_id=given.get("external_id"))
        return Aws(region=region, credentials=role, environment=c.environ)

    def provider(self, reference: str, settings: Callable[[], Mapping[str, Any]], *, lineage: str,
                 guard: Callable[[], None] | None) -> Provider:
        """The provider of an instance; ``settings`` are asked for with the first call."""
        from .provider import AwsProvider

        c = self.context

        def client() -> Aws:
            return self.checked(reference, settings())

        def address(kind: str, value: str) -> str:
            return c.local().address(kind, value) if c.local else value

        def peek(queue: str) -> Sequence[Mapping[str, Any]]:
            return c.local().messages(queue) if c.local else ()

        def sql(database: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
            return c.local().sql(database, asked) if c.local else {}

        def mails() -> Sequence[Mapping[str, Any]]:
            return c.local().mails() if c.local else ()

        return AwsProvider(client, app=c.app, stage=c.stage, lineage=lineage, tags=c.tags, address=address,
                           asset=self.code, asset_bucket=lambda: self.asset_bucket(client()), guard=guard, root=c.root,
                           local=c.local is not None, peek=peek if c.local else None,
                           sql=sql if c.local else None, mails=mails if c.local else None)

    def checked(self, reference: str, settings: Mapping[str, Any]) -> Aws:
        """The client of an instance, which must still lead to the account in which it was declared."""
        settings = dict(settings or self.defaults)
        was = settings.pop("identity", {}).get("account_id")
        client = self.open(reference, settings)
        if was and not self.context.local and client.account() != was:
            raise UserError(f'provider "{reference.partition("::")[2]}" was account {was}, and its credentials are now '
                            f"for account {client.account()}", hint="use credentials of that account",
                            code="wrong-account")
        return client

    def environment(self) -> dict[str, str]:
        """Variables by which AWS's tools and SDKs find the same place."""
        region = self.defaults.get("region") or self.context.region
        made = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
        if self.context.local:
            cloud = self.context.local()
            made |= {"AWS_ENDPOINT_URL": cloud.endpoint, "AWS_ACCESS_KEY_ID": cloud.access_key,
                     "AWS_SECRET_ACCESS_KEY": cloud.secret_key, **cloud.trust}
        return made

    def ask_account(self) -> None:
        """Begin to ask which account the app's own is, while other things are read."""
        with self._lock:
            if self._caller is None:
                from concurrent.futures import ThreadPoolExecutor

                pool = ThreadPoolExecutor(1, thread_name_prefix="sst-account")
                self._caller = pool.submit(lambda: self.client.account())
                pool.shutdown(wait=False)

    def identity(self, reference: str = DEFAULT, settings: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The account and region of an instance. Raises ``UserError`` where it is not the one that it may be."""
        settings = {k: v for k, v in (settings or self.defaults).items() if k != "identity"}
        c = self.context
        if c.local:
            return {"account": c.local_account() or c.local().account, "region": settings.get("region") or c.region}
        client = self.open(reference, settings)
        account = self._caller.result() if reference == DEFAULT and self._caller else client.account()
        allowed = settings.get("account") or (c.account if reference == DEFAULT else None)
        if allowed and account != allowed:
            what = "the config" if reference == DEFAULT else f"provider {reference.partition('::')[2]}"
            raise UserError(f"these credentials are for account {account}; {what} allows {allowed} alone",
                            hint="check AWS_PROFILE, or account= in the config", code="wrong-account")
        return {"account": account, "region": client.region}

    def asset_bucket(self, client: Aws) -> str:
        """The bucket for code that is too large for a call, in the account and region of the client, as Lambda wants
        it; made on first use."""
        account, region = client.account(), client.region
        with self._lock:
            if (key := f"{account}-{region}") not in self._buckets:
                self._buckets[key] = assets_of(client)
            return self._buckets[key]

    def state_call(self, region: str, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """One call for a state that is kept in the account."""
        return self.client.call(service, operation, params, region=region, retry=transient(operation))

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        self._settings.clear()
