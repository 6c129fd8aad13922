"""Opens a stage's state in one of the homes: this machine or an AWS account."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .holder import Who
from .keys import FileKeys, KeyRing, MemoryKeys, SsmKeys
from .lock import Lease
from .secrets import FALLBACK, Secrets
from .session import Stage
from .store import Store
from .stores.local import LocalStore
from .stores.memory import MemoryStore

if TYPE_CHECKING:
    from .stores.s3 import Call

__all__ = ["StateHome"]


class StateHome:
    """A store and the keys that belong to it, for all stages of one app.

        home = StateHome.local(project / ".sst/local", "my-app")
        stage, secrets = home.stage("local", here("ann")), home.secrets("local")
        home.close()
    """

    def __init__(self, store: Store, app: str, keys: Callable[[str], KeyRing], *, where: str) -> None:
        self.store, self.app, self.where = store, app, where
        self._keys = keys
        self._rings: dict[str, KeyRing] = {}

    @staticmethod
    def local(folder: Path, app: str, *, keys: Path | None = None) -> StateHome:
        """State in ``folder/state.db``; keys in ``keys/<app>/<stage>.key``, by default ``folder/keys``.

        Stage ``local`` keeps both under ``.sst/local``; an AWS stage with ``home="local"`` keeps both outside the
        project.
        """
        return StateHome(LocalStore(folder / "state.db"), app, StateHome.local_keys(keys or folder / "keys", app),
                         where=str(folder))

    @staticmethod
    def local_keys(rings: Path, app: str) -> Callable[[str], KeyRing]:
        """The key rings of an app's stages in ``rings/<app>/<stage>.key``."""
        return lambda stage: FileKeys(rings / app / f"{stage}.key")

    @staticmethod
    def aws(calls: Callable[[str], Call], region: str, app: str) -> StateHome:
        """State in the account's bucket, made in ``region`` by the first write; keys in SSM
        ``/sst-py/key/<app>/<stage>``."""
        from .stores.bootstrap import Bucket, bootstrap, find_bucket  # not needed for a home on this machine
        from .stores.on_demand import StoreOnDemand
        from .stores.s3 import S3Store

        def store(bucket: Bucket) -> Store:
            return S3Store(calls(bucket.region), bucket.name)

        def found() -> Store | None:
            bucket = find_bucket(calls, region)
            return store(bucket) if bucket else None

        ssm = calls(region)
        return StateHome(StoreOnDemand(found, lambda: store(bootstrap(calls, region))), app,
                         lambda stage: SsmKeys(ssm, f"/sst-py/key/{app}/{stage}"),
                         where=f"the bucket for state of this account in {region}")

    @staticmethod
    def memory(app: str) -> StateHome:
        """State that ends with the process, for tests."""
        return StateHome(MemoryStore(), app, lambda stage: MemoryKeys(), where="memory")

    def stage(self, name: str, who: Who, *, lease: Lease = Lease()) -> Stage:
        return Stage(self.store, self.app, name, keys=self.keys(name), who=who, lease=lease)

    def secrets(self, stage: str) -> Secrets:
        return Secrets(self.store, self.app, stage, keys=self.keys(stage), fallback_keys=self.keys(FALLBACK))

    def keys(self, stage: str) -> KeyRing:
        """The ring of a stage; the same object each time."""
        if stage not in self._rings:
            self._rings[stage] = self._keys(stage)
        return self._rings[stage]

    def rotate_key(self, stage: Stage, *, forget: bool = False) -> str:
        """Make a new key for a stage and save state and secrets under it; the key's id. The former keys stay readable.

        ``forget`` drops them once all is saved, and with them the secret values in the versions of the state that were
        saved before. A crash at any moment leaves all that is needed readable; then rotate again.
        """
        with stage.locked("secret rotate-key") as session:
            name = self.keys(stage.name).rotate()
            self.secrets(stage.name).reseal()
            session.save(force=True)
            if forget:
                # a second version under the new key, to fall back to if the newest gets damaged
                session.save(force=True)
                self.keys(stage.name).forget()
        return name

    def rotate_fallback(self) -> str:
        """A new key for the secrets that all stages of the app fall back to; the former one is forgotten once they are
        saved."""
        name = self.keys(FALLBACK).rotate()
        self.secrets(FALLBACK).reseal(fallback=True)
        self.keys(FALLBACK).forget()
        return name

    def close(self) -> None:
        self.store.close()
