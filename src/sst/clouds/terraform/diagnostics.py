"""What a plugin says is wrong, in the words of this tool."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...errors import ProviderError, UserError
from .plugin import Refusal, said
from .schema import python_name
from .values import Path, shown_path

__all__ = ["as_provider_error", "as_user_error", "path_of", "secret_texts"]

_SHORTEST = 4
"""A secret value of fewer characters is not looked for in texts."""


def as_user_error(type: str, refusal: Refusal, secrets: Iterable[str]) -> UserError:
    """What a plan refuses is a mistake in the program."""
    return UserError(f"{type}: {_text(refusal, secrets)}")


def as_provider_error(refusal: Refusal, name: str, secrets: Iterable[str], *, sent: bool = True) -> ProviderError:
    """A refusal is an answer: nothing is open."""
    return ProviderError(_text(refusal, secrets), operation=f"{name} {refusal.call}", status=400, sent=sent)


def _text(refusal: Refusal, secrets: Iterable[str]) -> str:
    lines = []
    for d in refusal.diagnostics:
        first, *rest = path_of(d.get("attribute", {})) or ("",)
        path = shown_path((python_name(str(first)), *rest))
        lines.append(f"{path}: {said(d)}" if path else said(d))
    text = "\n".join(lines)
    for value in sorted(secrets, key=len, reverse=True):
        text = text.replace(value, "(secret)")
    return text


def path_of(message: Mapping[str, Any]) -> Path:
    """An AttributePath."""
    found: list[str | int] = []
    for step in message.get("steps", ()):
        name = step.get("attribute_name", step.get("element_key_string"))
        found.append(step.get("element_key_int", 0) if name is None else name)
    return tuple(found)


def secret_texts(values: Mapping[str, Any], names: Iterable[str]) -> Iterator[str]:
    """The texts in the secret ones of some values, at any depth: they must not be shown."""
    for name in names:
        yield from _texts(values.get(name))


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str() if len(value) >= _SHORTEST:
            yield value
        case Mapping():
            for v in value.values():
                yield from _texts(v)
        case list() | tuple():
            for v in value:
                yield from _texts(v)
