"""``Resource``: the links of a function, a test or a script.

Values come from the environment: one ``SST_RESOURCE_<Name>`` a link, ``SST_RESOURCES_JSON`` for all at once, or a file
encrypted with AES-256-GCM (``SST_KEY_FILE``, ``SST_KEY``). Where several hold a name, the file wins, then
``SST_RESOURCES_JSON``.
"""
from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from .links import Links

__all__ = ["Linked", "NotLinked", "Resource", "Resources"]

_PREFIX = "SST_RESOURCE_"


class NotLinked(UserError, AttributeError, KeyError):
    """``Resource`` has no such name here, or its values can't be read."""

    code = "not-linked"
    __str__ = UserError.__str__


class Linked(dict[str, Any]):
    """The properties of one link: ``.name`` and ``["name"]`` are the same; otherwise it is a ``dict``.

    A property hides a method of the same name. Values are not shown by ``repr``: they may be secret.
    """

    __slots__ = ("__path",)

    def __init__(self, values: Mapping[str, Any], path: str) -> None:
        super().__init__((k, _wrapped(v, f"{path}.{k}")) for k, v in values.items())
        self.__path = path

    def __repr__(self) -> str:
        return f"<{self.__path}: {', '.join(sorted(self))}>"

    if not TYPE_CHECKING:
        def __getattribute__(self, name):
            if not name.startswith("_") and name in self:
                return self[name]
            return super().__getattribute__(name)

        def __getattr__(self, name):
            if name.startswith("_"):
                if name in self:
                    return self[name]
                raise AttributeError(name)
            raise NotLinked(f'{self.__path} has no "{name}"', hint=f"it has: {', '.join(sorted(self))}")

        def __reduce__(self):
            return Linked, (dict(self), self.__path)


class Resources(Links):
    """The links by name; ``sst.Resource`` is the instance to use.

        from sst import Resource

        Resource.Uploads.name
        Resource.App.stage
        "Uploads" in Resource, list(Resource), Resource["my-queue"]

    Variables are read when a name is used, never on import. Raises ``NotLinked`` (a ``UserError`` and an
    ``AttributeError``) for a name that is not linked.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._read: dict[str, tuple[str, Any]] = {}

    def __getitem__(self, name: str) -> Any:
        for source in (self._file(), self._consolidated()):
            if name in source:
                return source[name]
        variable = _PREFIX + name
        if text := self._environment.get(variable):
            return self._parsed(variable, text, lambda: _wrapped(_json(text, variable), f"Resource.{name}"))
        raise self._missing(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names()))

    def __len__(self) -> int:
        return len(self._names())

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._names()]

    def __repr__(self) -> str:
        return f"<Resource: {', '.join(self) or 'nothing is linked'}>"

    if not TYPE_CHECKING:
        def __getattr__(self, name):
            if name.startswith("__"):
                raise AttributeError(name)
            return self[name]

    def _names(self) -> set[str]:
        single = {k[len(_PREFIX):] for k, v in self._environment.items() if k.startswith(_PREFIX) and v}
        return {*single, *self._consolidated(), *self._file()}

    def _consolidated(self) -> Mapping[str, Any]:
        text = self._environment.get("SST_RESOURCES_JSON")
        if not text:
            return {}
        found: Mapping[str, Any] = self._parsed("", text,
                                                lambda: _all(_json(text, "SST_RESOURCES_JSON"), "SST_RESOURCES_JSON"))
        return found

    def _file(self) -> Mapping[str, Any]:
        key, name = self._environment.get("SST_KEY"), self._environment.get("SST_KEY_FILE")
        if not key or not name:
            return {}
        home = self._environment.get("LAMBDA_TASK_ROOT", "")
        found: Mapping[str, Any] = self._parsed("/", f"{key} {name}", lambda: _opened(key, name, home))
        return found

    def _parsed(self, source: str, text: str, parse: Any) -> Any:
        """What ``text`` means, parsed once for as long as the source holds the same."""
        seen = self._read.get(source)
        if seen is None or seen[0] != text:
            seen = self._read[source] = (text, parse())
        return seen[1]

    def _missing(self, name: str) -> NotLinked:
        function = self._environment.get("AWS_LAMBDA_FUNCTION_NAME")
        linked = [n for n in self if n != "App"]
        here = f"function {function}" if function else "this process"
        if "App" not in self and not linked and not function:
            return NotLinked(f"Resource.{name}: no links are active, this process was not started by sst",
                             hint="start it through sst: `sst shell -- python script.py`, `sst shell -- pytest`")
        fix = f"add it to the link=[...] of the {'function' if function else 'component'} in sst_config.py and deploy"
        if not function:
            fix += "; a script or test sees the links of a deployed stage with `sst shell -- <command>`"
        if not linked:
            return NotLinked(f"Resource.{name}: nothing is linked to {here}", hint=fix)
        import difflib

        close = difflib.get_close_matches(name, linked, n=1)
        guess = f'did you mean "{close[0]}"? else ' if close else ""
        return NotLinked(f'"{name}" is not linked to {here}; linked: {", ".join(linked)}', hint=guess + fix)


def _wrapped(value: Any, path: str) -> Any:
    if isinstance(value, dict):
        return Linked(value, path)
    if isinstance(value, list):
        return [_wrapped(v, f"{path}[{i}]") for i, v in enumerate(value)]
    return value


def _all(values: Any, source: str) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise NotLinked(f"{source} holds no JSON object")
    return {name: _wrapped(value, f"Resource.{name}") for name, value in values.items()}


def _json(text: str, source: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise NotLinked(f"{source} holds no JSON", hint="sst sets it; something else changed it") from None


def _opened(key: str, name: str, home: str) -> dict[str, Any]:
    import base64

    from .aes import decrypt

    path = name if os.path.exists(name) or not home else os.path.join(home, name)  # noqa: PTH110, PTH118  # pathlib costs 4 ms
    try:
        with open(path, "rb") as f:  # noqa: PTH123
            sealed = f.read()
        text = decrypt(base64.b64decode(key, validate=True), bytes(12), sealed).decode()
    except OSError as e:
        raise NotLinked(f"the links in SST_KEY_FILE={name} can't be read: {e.strerror}",
                        hint="the file belongs to the function's bundle; deploy again") from None
    except ValueError as e:
        raise NotLinked(f"the links in SST_KEY_FILE={name} can't be decrypted: {e}",
                        hint="SST_KEY belongs to another file; deploy again") from None
    return _all(_json(text, name), name)


Resource = Resources(os.environ)
"""The links of this process, by name."""
