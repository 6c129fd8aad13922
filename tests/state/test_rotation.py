"""A key is rotated: what is cut off loses nothing, what runs beside it loses nothing, and the former key opens
nothing."""
from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from sst.errors import StateError
from sst.state.holder import here
from sst.state.home import StateHome
from sst.state.secrets import Secrets
from sst.state.stores.local import LocalStore

from .worlds import made, state


@contextmanager
def opened(folder: Path) -> Iterator[StateHome]:
    """As another process sees it: with keys of its own reading."""
    home = StateHome.local(folder, "app")
    try:
        yield home
    finally:
        home.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with opened(tmp_path) as home:
        with home.stage("prod", here("ann")).locked("deploy") as session:
            session.write(made(state(1, secret="s3cret-s3cret")))
            session.save()
        home.secrets("prod").set("Key", "v4lue")
        home.secrets("prod").set("Shared", "sh4red", fallback=True)
    return tmp_path


def all_is_there(folder: Path) -> None:
    with opened(folder) as home:
        assert home.stage("prod", here("bob")).load().resources[state(1).urn].inputs["password"] == "s3cret-s3cret"
        assert home.secrets("prod").get_all() == {"Key": "v4lue", "Shared": "sh4red"}


def keys(folder: Path, stage: str = "prod") -> list[str]:
    return list(json.loads((folder / "keys/app" / f"{stage}.key").read_text())["keys"])


def test_the_former_key_is_forgotten_once_two_versions_are_saved(folder: Path) -> None:
    (old,) = keys(folder)
    with opened(folder) as home:
        new = home.rotate_key(home.stage("prod", here("ann")), forget=True)
        home.rotate_fallback()
    assert keys(folder) == [new] != [old] and len(keys(folder, "_fallback")) == 1
    all_is_there(folder)
    with opened(folder) as home:
        newest, *_ = home.store.list("app/prod/snapshot/")[::-1]
        stored = home.store.get(newest)
        assert stored
        home.store.delete(newest)
        home.store.put_new(newest, stored.data[:-9] + b"x" * 9)
        stage = home.stage("prod", here("ann"))
        assert stage.load().resources[state(1).urn].inputs["password"] == "s3cret-s3cret"
        assert stage.warnings, "one may be damaged"
        with pytest.raises(StateError, match=f"the key {old} is not in"):
            stage.version(1)


class Cut(Exception):
    pass


class Cutting(LocalStore):
    """Fails at one of its writes: after it was done, or before."""

    at, after, seen = -1, False, 0

    def _reached(self, after: bool) -> None:
        if after is self.after:
            self.seen += 1
            if self.seen - 1 == self.at:
                raise Cut

    def put_new(self, key: str, data: bytes) -> str:
        self._reached(False)
        tag = super().put_new(key, data)
        self._reached(True)
        return tag

    def put_if(self, key: str, data: bytes, tag: str) -> str:
        self._reached(False)
        made = super().put_if(key, data, tag)
        self._reached(True)
        return made


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(8))
def test_cut_off_at_any_write_nothing_is_lost_and_it_can_be_repeated(folder: Path, at: int, after: bool) -> None:
    with opened(folder) as home:
        store = Cutting(folder / "state.db")
        store.at, store.after = at, after
        home.store.close()
        home.store = store
        with suppress(Cut):
            home.rotate_key(home.stage("prod", here("ann")), forget=True)
    all_is_there(folder)
    with opened(folder) as home:
        stage = home.stage("prod", here("ann"))
        if stage.holder():
            stage.unlock()
        home.rotate_key(stage, forget=True)
    assert len(keys(folder)) == 1
    all_is_there(folder)


class Between(LocalStore):
    """Rotates the key right before the secrets are written."""

    done, folder = False, ""

    def put_if(self, key: str, data: bytes, tag: str) -> str:
        if key.endswith("/secrets") and not self.done:
            self.done = True
            with opened(Path(self.folder)) as other:
                other.rotate_key(other.stage("prod", here("bob")), forget=True)
        return super().put_if(key, data, tag)


def test_a_secret_that_is_set_meanwhile_is_sealed_with_the_new_key(folder: Path) -> None:
    with opened(folder) as home:
        store = Between(folder / "state.db")
        store.folder = str(folder)
        try:
            Secrets(store, "app", "prod", keys=home.keys("prod"), fallback_keys=home.keys("_fallback")).set(
                "Late", "l4te"
            )
        finally:
            store.close()
    assert store.done
    with opened(folder) as home:
        assert home.secrets("prod").get_all(own=True) == {"Key": "v4lue", "Late": "l4te"}
