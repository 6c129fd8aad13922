"""The AWS profile of a stage and the region that it names; read without botocore, which is slow to import."""
from __future__ import annotations

from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as BadFile
from pathlib import Path

__all__ = ["profile_of", "region_of_profile"]


def profile_of(configured: str | None, environ: Mapping[str, str]) -> str | None:
    """The AWS profile: ``AWS_PROFILE``, then the config's unless the environment holds access keys."""
    if named := environ.get("AWS_PROFILE"):
        return named
    return None if environ.get("AWS_ACCESS_KEY_ID") else configured


def region_of_profile(configured: str | None, environ: Mapping[str, str]) -> str:
    """The region of the profile in the AWS config file; empty if it names none."""
    file = Path(environ.get("AWS_CONFIG_FILE") or Path.home() / ".aws" / "config").expanduser()
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(file, encoding="utf-8")
    except (BadFile, OSError, UnicodeDecodeError):
        return ""
    profile = profile_of(configured, environ) or "default"
    for section in (f"profile {profile}", profile):
        if parser.has_option(section, "region"):
            return parser.get(section, "region")
    return ""
