"""The AWS config and credentials files, read without botocore, which is slow to import.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
"""
from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from configparser import Error as BadFile
from configparser import RawConfigParser
from functools import cached_property
from pathlib import Path
from typing import Any

from ...errors import UserError

__all__ = ["ConfigFiles", "profile_of", "region_of_profile"]

Section = dict[str, Any]
"""Settings by name. The value of a nested one, such as ``s3 =`` and lines that are indented below it, is a dict."""


def profile_of(configured: str | None, environ: Mapping[str, str]) -> str | None:
    """The AWS profile: ``AWS_PROFILE``, then the config's unless the environment holds access keys."""
    if named := environ.get("AWS_PROFILE"):
        return named
    return None if environ.get("AWS_ACCESS_KEY_ID") else configured


def region_of_profile(configured: str | None, environ: Mapping[str, str]) -> str:
    """The region of the profile in the AWS config file; empty if it names none."""
    try:
        found = ConfigFiles(environ).section("profile", profile_of(configured, environ) or "default")
    except UserError:
        return ""
    return str(found.get("region", "")) if found else ""


class ConfigFiles:
    """``~/.aws/config`` and ``~/.aws/credentials``, or the files that ``AWS_CONFIG_FILE`` and
    ``AWS_SHARED_CREDENTIALS_FILE`` name. A file that is missing is empty; one that is malformed is a ``UserError``."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._config_file = environ.get("AWS_CONFIG_FILE") or "~/.aws/config"
        self._credentials_file = environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"

    @cached_property
    def _config(self) -> dict[tuple[str, str], Section]:
        """By kind (``profile``, ``sso-session``, ``services``) and name."""
        found = {}
        for heading, section in _read(self._config_file).items():
            try:
                words = shlex.split(heading)
            except ValueError:
                continue
            if words == ["default"]:
                found["profile", "default"] = section
            elif len(words) == 2:
                found[words[0], words[1]] = section
        return found

    @cached_property
    def credentials(self) -> dict[str, Section]:
        """The sections of the credentials file, by profile."""
        return _read(self._credentials_file)

    def section(self, kind: str, name: str) -> Section | None:
        """A section of the config file: ``section("profile", "work")``."""
        return self._config.get((kind, name))

    def profile(self, name: str) -> Section | None:
        """What both files say of a profile, the credentials file first; None if neither knows it."""
        config, credentials = self.section("profile", name), self.credentials.get(name)
        return None if config is None and credentials is None else {**(config or {}), **(credentials or {})}


def _read(name: str) -> dict[str, Section]:
    file, parser = Path(os.path.expandvars(name)).expanduser(), RawConfigParser(default_section="", strict=False)
    try:
        parser.read(file, encoding="utf-8")
    except (BadFile, OSError, UnicodeDecodeError) as e:
        raise UserError(f"the AWS config file {file} can't be read: {e}",
                        hint="correct it, or name another by AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE") from e
    return {heading: {key: _nested(value) if value.startswith("\n") else value
                      for key, value in parser.items(heading)} for heading in parser.sections()}


def _nested(text: str) -> Section:
    pairs = (line.partition("=") for line in text.splitlines() if line.strip())
    return {key.strip(): value.strip() for key, _, value in pairs}
