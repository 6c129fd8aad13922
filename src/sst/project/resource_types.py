"""Types for ``Resource``: a partial stub package in the project's virtual environment.

It takes the place of ``sst.runtime.links`` alone, the module that names what is linked, so the repository stays clean
and type checkers and editors know ``Resource.Uploads.name``. It comes from the program, not from what was deployed
last.
"""
from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..core.link import Link
from ..core.model import URN
from ..core.output import Output
from ..core.resource import Resource
from ..errors import UserError

__all__ = ["NO_VENV", "find_venv", "keep_types", "stub", "types_of", "write_provider_types",
           "write_types"]

NO_VENV = "no types were written: there is no virtual environment (.venv) here; `uv venv` makes one"
"""What to tell the user when ``find_venv`` finds none."""

_HEAD = """# Written by sst from the app's program; changes are overwritten.
from typing import Any, Literal

from sst.runtime.resource import Linked
"""
_WORDS = ("str", "int", "float", "bool", "list", "dict")
_DECLARED = re.compile(r"(?:Output|Arg)\[(str|int|float|bool)\]\Z")


def find_venv(root: Path, environment: Mapping[str, str]) -> Path | None:
    """The project's virtual environment: ``UV_PROJECT_ENVIRONMENT``, a ``.venv`` or ``venv`` at ``root`` or above it in
    the same repository, else the active one (``VIRTUAL_ENV``)."""
    folders = [root.resolve(), *root.resolve().parents]
    top = next((n for n, folder in enumerate(folders) if (folder / ".git").exists()), 0)
    places = [folder / name for folder in folders[:top + 1] for name in (".venv", "venv")]
    if environment.get("UV_PROJECT_ENVIRONMENT"):
        places.insert(0, root / environment["UV_PROJECT_ENVIRONMENT"])
    if environment.get("VIRTUAL_ENV"):
        places.append(Path(environment["VIRTUAL_ENV"]))
    return next((p for p in places if (p / "pyvenv.cfg").is_file()), None)


def keep_types(root: Path, environment: Mapping[str, str], links: Iterable[Link],
               resources: Mapping[URN, Resource]) -> str:
    """Bring the types of a project up to date; what to tell the user if that is not possible. Never raises for a broken
    environment."""
    venv = find_venv(root, environment)
    if venv is None:
        return NO_VENV if (root / "pyproject.toml").is_file() else ""
    try:
        write_types(venv, types_of(links, resources))
    except (OSError, UserError) as e:
        return f"no types for sst.Resource were written: {e}"
    return ""


def write_types(venv: Path, links: Mapping[str, Mapping[str, Any]]) -> bool:
    """Write the types of ``links`` (name → property → type) into ``venv``; whether anything changed.

    A type is a Python type, the text of one (``"list[str]"``), or a mapping for nested properties. ``App`` is added. A
    ``type`` property that is text in quotes (``"'sst.aws.Bucket'"``) becomes a literal.

        write_types(venv, {"Uploads": {"name": str, "type": "'sst.aws.Bucket'"}})
    """
    home = _site(venv) / "sst-stubs"
    changed = [_put(home / "py.typed", "partial\n"), _put(home / "runtime" / "links.pyi", stub(links))]
    return any(changed)


def write_provider_types(venv: Path, stubs: Mapping[str, Mapping[str, str]]) -> None:
    """Write the types of the providers of ``sst.lock`` (name → file → text); those of others are removed."""
    import shutil

    home = _site(venv) / "sst-stubs"
    _put(home / "py.typed", "partial\n")
    for folder in [f for f in (home / "providers").glob("*") if f.name not in stubs]:
        shutil.rmtree(folder)
    for name, files in stubs.items():
        for file, text in files.items():
            _put(home / "providers" / name / file, text)


def types_of(links: Iterable[Link], resources: Mapping[URN, Resource]) -> dict[str, dict[str, Any]]:
    """What ``write_types`` takes, from a program's links and its resources (``graph.resources``).

    An output is of the type that its row declares; one that was computed with ``apply`` is ``Any``, a secret is text.
    """
    return {link.name: {**{k: _type_of(v, resources) for k, v in link.properties.items()}, "type": repr(link.type)}
            for link in links}


def stub(links: Mapping[str, Mapping[str, Any]]) -> str:
    """The text of the stub module; the same for the same links, whatever their order."""
    classes: list[str] = []
    fields: list[str] = []
    for name, properties in sorted({**links, "App": {"name": str, "stage": str}}.items()):
        if name.isidentifier():
            classes += _class(f"_{name}", properties)
            fields.append(f"    {name}: _{name}")
    return "\n".join([_HEAD, *classes, "class Links:", *fields, ""])


def _type_of(value: object, resources: Mapping[URN, Resource]) -> Any:
    if isinstance(value, Mapping):
        return {k: _type_of(v, resources) for k, v in value.items()}
    if not isinstance(value, Output):
        return type(value)
    if value.key is None or value.key[0] not in resources:
        return str if value.secret else object
    urn, attribute = value.key
    declared = (inspect.get_annotations(base).get(attribute) for base in type(resources[urn]).__mro__)
    found = _DECLARED.match(next((text for text in declared if isinstance(text, str)), ""))
    return found[1] if found else object


def _class(name: str, properties: Mapping[str, Any]) -> list[str]:
    """The lines of a class, those of the classes nested in it first."""
    before: list[str] = []
    lines = [f"class {name}(Linked):"]
    for key in sorted(k for k in properties if isinstance(k, str) and k.isidentifier()):
        value = properties[key]
        if isinstance(value, Mapping):
            before += _class(f"{name}_{key}", value)
            lines.append(f"    {key}: {name}_{key}")
        else:
            lines.append(f"    {key}: {_written(value)}")
    return [*before, *(lines if len(lines) > 1 else [f"{lines[0]} ..."]), ""]


def _written(kind: object) -> str:
    if isinstance(kind, str):
        if kind[:1] in ("'", '"'):
            return f"Literal[{kind}]"
        try:
            compile(kind, "type", "eval")
        except SyntaxError:
            return "Any"
        return kind
    if kind is type(None):
        return "None"
    if isinstance(kind, type) and kind.__name__ in _WORDS:
        return {"list": "list[Any]", "dict": "dict[str, Any]"}.get(kind.__name__, kind.__name__)
    return "Any"


def _site(venv: Path) -> Path:
    """The folder of the packages of a virtual environment."""
    found = sorted(venv.glob("lib/python3*/site-packages")) or sorted(venv.glob("Lib/site-packages"))
    if not found:
        raise UserError(f"{venv} is not a virtual environment: it has no site-packages",
                        hint="make it again: `uv venv`")
    return found[-1]


def _put(file: Path, text: str) -> bool:
    try:
        if file.read_text(encoding="utf-8") == text:
            return False
    except OSError:
        file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return True
