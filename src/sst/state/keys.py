"""The keys that encrypt secret values: one ring a stage, in a file of its own or in an SSM SecureString.

A ring holds the present key and the former ones, so that what was written before a rotation can still be read.
"""
from __future__ import annotations

import base64
import hmac
import json
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import ProviderError, StateError
from ..machine.files import create_private, write_private
from ..records import dataclass

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["FileKeys", "Home", "KeyRing", "MemoryKeys", "SsmKeys", "decrypt", "digest", "encrypt"]

_LOST = "put back a copy of them; sst never overwrites keys"


@dataclass(frozen=True, slots=True)
class Ring:
    """Keys by id, and the id of the one that encrypts."""

    current: str
    keys: Mapping[str, bytes] = field(repr=False)

    @staticmethod
    def fresh(former: Mapping[str, bytes] | None = None) -> Ring:
        name = f"k{len(former or ()) + 1}{secrets.token_hex(3)}"
        return Ring(name, {**(former or {}), name: secrets.token_bytes(32)})

    def text(self) -> str:
        return json.dumps({"current": self.current,
                           "keys": {k: base64.b64encode(v).decode() for k, v in self.keys.items()}})

    @staticmethod
    def of(text: str, where: str) -> Ring:
        try:
            data = json.loads(text)
            ring = Ring(str(data["current"]), {k: base64.b64decode(v, validate=True) for k, v in data["keys"].items()})
            if any(len(key) != 32 for key in ring.keys.values()) or ring.current not in ring.keys:
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise StateError(f"the keys in {where} can't be read",
                             hint=_LOST) from e
        return ring


class Home(Protocol):
    """Where a ring's text is kept."""

    where: str

    def read(self) -> str | None: ...
    def create(self, text: str) -> bool:
        """Write it unless there is one already, in one step; whether it was written."""
    def replace(self, text: str) -> None: ...


class KeyRing:
    """The keys of one stage, read (or made) when the first secret needs them.

        keys = FileKeys(home / "keys/my-app/prod.key")
        box = encrypt(keys, "s3cret", "lineage urn password")
        decrypt(keys, box, "lineage urn password")
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._ring: Ring | None = None
        self._ciphers: dict[str, AESGCM] = {}
        self._lock = threading.Lock()

    @property
    def where(self) -> str:
        return self._home.where

    def cipher(self, name: str) -> AESGCM:
        """What encrypts and decrypts with the key of that id."""
        found = self._ciphers.get(name)
        if found is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # slow to import; most need no secret

            found = self._ciphers[name] = AESGCM(self.key(name))
        return found

    def current(self) -> tuple[str, bytes]:
        """The id and the key that encrypt now; made on first use."""
        ring = self._ring
        if ring is None:
            with self._lock:
                ring = self._ring = self._ring or self._read() or self._made()
        return ring.current, ring.keys[ring.current]

    def _made(self) -> Ring:
        fresh = Ring.fresh()
        ring = fresh if self._home.create(fresh.text()) else self._read()
        if ring is None:
            raise StateError(f"the keys in {self.where} vanished while they were made")
        return ring

    def provisional(self) -> bytes:
        """The key that encrypts now; where there is none yet, one that is not kept: for plans, which write nothing."""
        with self._lock:
            self._ring = self._ring or self._read()
            return self._ring.keys[self._ring.current] if self._ring else secrets.token_bytes(32)

    def key(self, name: str) -> bytes:
        """The key of that id. Raises ``StateError`` if it is not there; it is never made anew."""
        with self._lock:
            if self._ring is None or name not in self._ring.keys:
                self._ring = self._read()
            if self._ring is None or name not in self._ring.keys:
                raise StateError(f"the key {name} is not in {self.where}, so the stage's secret values can't be read",
                                 hint="put back a copy of the keys, or set the secrets again on a machine that has "
                                      "them")
            return self._ring.keys[name]

    def rotate(self) -> str:
        """Add a key that encrypts from now on; its id. Call it under the stage's lock, then save state and secrets
        again."""
        with self._lock:
            was = self._read()
            new = Ring.fresh(was.keys if was else None)
            self._home.replace(new.text())
            self._ring = new
            return new.current

    def forget(self) -> None:
        """Drop the former keys. What was not saved again since the rotation can't be read any more."""
        with self._lock:
            if was := self._read():
                self._ring = Ring(was.current, {was.current: was.keys[was.current]})
                self._ciphers.clear()
                self._home.replace(self._ring.text())

    def moved_on(self) -> bool:
        """Whether somebody rotated since the key was read; from now on the new one encrypts."""
        with self._lock:
            was, now = self._ring, self._read()
            self._ring = now or was
            return bool(was and now and was.current != now.current)

    def _read(self) -> Ring | None:
        text = self._home.read()
        return None if text is None else Ring.of(text, self.where)


class _Memory:
    where = "memory"

    def __init__(self) -> None:
        self.text: str | None = None

    def read(self) -> str | None:
        return self.text

    def create(self, text: str) -> bool:
        self.text = self.text or text
        return self.text == text

    def replace(self, text: str) -> None:
        self.text = text


class _File:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.where = str(path)

    def read(self) -> str | None:
        try:
            return self._path.read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as e:
            raise StateError(f"the keys in {self.where} can't be read: the file is damaged", hint=_LOST) from e
        except OSError as e:
            raise StateError(f"the keys in {self.where} can't be read: {e}",
                             hint="make the file readable for you alone") from e

    def create(self, text: str) -> bool:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return create_private(self._path, text, sync=True)
        except OSError as e:
            raise self._unwritable(e) from e

    def replace(self, text: str) -> None:
        try:
            write_private(self._path, text, sync=True)
        except OSError as e:
            raise self._unwritable(e) from e

    def _unwritable(self, e: OSError) -> StateError:
        return StateError(f"the keys in {self.where} can't be written: {e}",
                          hint="free some space or make the folder writable for you")


class _Ssm:
    def __init__(self, call: Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]], name: str) -> None:
        self._call, self._name = call, name
        self.where = f"SSM parameter {name}"

    def read(self) -> str | None:
        try:
            answer = self._call("ssm", "get_parameter", {"Name": self._name, "WithDecryption": True})
        except ProviderError as e:
            if e.code == "ParameterNotFound":
                return None
            raise
        return str(answer["Parameter"]["Value"])

    def create(self, text: str) -> bool:
        try:
            self._put(text, False)
        except ProviderError as e:
            if e.code == "ParameterAlreadyExists":
                return False
            raise
        return True

    def replace(self, text: str) -> None:
        self._put(text, True)

    def _put(self, text: str, overwrite: bool) -> None:
        """A standard parameter has room for 4 KB; AWS makes an advanced one of it, with room for 8 KB, where more is
        needed.
        https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"""
        self._call("ssm", "put_parameter", {"Name": self._name, "Value": text, "Type": "SecureString",
                                            "Tier": "Intelligent-Tiering", "Overwrite": overwrite})


class MemoryKeys(KeyRing):
    """Keys that end with the process."""

    def __init__(self) -> None:
        super().__init__(_Memory())


class FileKeys(KeyRing):
    """Keys in a 0600 file in a 0700 folder, outside the project (stage ``local``: beside its state)."""

    def __init__(self, path: Path) -> None:
        super().__init__(_File(path))


class SsmKeys(KeyRing):
    """Keys in an SSM SecureString. ``call(service, operation, params)`` makes the call and raises ``ProviderError``."""

    def __init__(self, call: Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]], name: str) -> None:
        super().__init__(_Ssm(call, name))


_BOX = re.compile(r"(k[0-9a-f]+)\.([A-Za-z0-9+/=]+)")
_NONCE = 12


def encrypt(keys: KeyRing, text: str, aad: str) -> str:
    """``text`` under AES-256-GCM with a random nonce, as ``keyid.base64``. It opens only with the same ``aad``."""
    name, _ = keys.current()
    nonce = secrets.token_bytes(_NONCE)
    sealed = keys.cipher(name).encrypt(nonce, text.encode("utf-8", "surrogatepass"), aad.encode())
    return f"{name}.{base64.b64encode(nonce + sealed).decode()}"


def decrypt(keys: KeyRing, box: str, aad: str) -> str:
    """The text in a box. Raises ``StateError`` if the key is missing, the box was changed, or belongs to something
    else."""
    found = _BOX.fullmatch(box)
    if not found:
        raise StateError("an encrypted value is malformed")
    try:
        data, cipher = base64.b64decode(found[2], validate=True), keys.cipher(found[1])
        return cipher.decrypt(data[:_NONCE], data[_NONCE:], aad.encode()).decode("utf-8", "surrogatepass")
    except (_tampered(), ValueError) as e:
        raise StateError("an encrypted value was changed or belongs to another property") from e


def _tampered() -> type[Exception]:
    """What decryption raises for it. An import costs more than a decryption: it is made only where there was one."""
    from cryptography.exceptions import InvalidTag

    return InvalidTag


def digest(keys: KeyRing, text: str) -> str:
    """A fingerprint of a secret that tells whether it changed and nothing else: HMAC-SHA256 under a key derived from
    the stage's."""
    name, key = keys.current()
    own = hmac.new(key, b"sst digest", sha256).digest()
    return f"{name}.{hmac.new(own, text.encode('utf-8', 'surrogatepass'), sha256).hexdigest()}"
