"""Credentials that lie on this machine: keys of a profile, and sessions that the AWS CLI has cached.

What has to be asked for (a role that is assumed, a login, ``credential_process``, the metadata of a machine) is
botocore's, in the order of its chain: https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
"""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from .profile import ConfigFiles, Section
from .sign import Credentials

__all__ = ["stored_credentials"]

EARLY = 15 * 60
"""Seconds before its end at which a cached session counts as expired, as in botocore."""
WEB_IDENTITY = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN")


def stored_credentials(files: ConfigFiles, profile: str, environ: Mapping[str, str], *, now: float,
                       cache: Path) -> tuple[Credentials, float] | None:
    """Credentials of the profile and the Unix time until which they may be used, or None if they must be asked for.

    ``cache`` is the folder of the AWS CLI's cached sessions, ``~/.aws/cli/cache``.
    """
    settings = files.profile(profile) or {}
    if "web_identity_token_file" in settings or any(environ.get(name) for name in WEB_IDENTITY):
        return None
    if "role_arn" in settings:
        return _cached(cache, json.dumps(_role(settings), sort_keys=True), now)
    if settings.keys() & {"sso_session", "sso_start_url"}:
        return _cached(cache, json.dumps(_single_sign_on(settings), sort_keys=True, separators=(",", ":")), now)
    own = files.credentials.get(profile, {})
    if "aws_access_key_id" in own:
        return _keys(own)
    if settings.keys() & {"login_session", "credential_process"}:
        return None
    return _keys(files.section("profile", profile) or {})


def _keys(section: Section) -> tuple[Credentials, float] | None:
    if not section.get("aws_access_key_id") or not section.get("aws_secret_access_key"):
        return None
    token = section.get("aws_security_token") or section.get("aws_session_token")
    return Credentials(section["aws_access_key_id"], section["aws_secret_access_key"], token or None), float("inf")


def _role(settings: Section) -> dict[str, Any]:
    """The request for the role, as the AWS CLI names its cache by it."""
    names = {"role_arn": "RoleArn", "role_session_name": "RoleSessionName", "external_id": "ExternalId",
             "mfa_serial": "SerialNumber"}
    asked: dict[str, Any] = {name: settings[key] for key, name in names.items() if settings.get(key)}
    if str(settings.get("duration_seconds", "")).isdecimal():
        asked["DurationSeconds"] = int(settings["duration_seconds"])
    return asked


def _single_sign_on(settings: Section) -> dict[str, Any]:
    session = ({"sessionName": settings["sso_session"]} if settings.get("sso_session")
               else {"startUrl": settings.get("sso_start_url")})
    return {"roleName": settings.get("sso_role_name"), "accountId": settings.get("sso_account_id"), **session}


def _cached(folder: Path, key: str, now: float) -> tuple[Credentials, float] | None:
    file = folder / f"{hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()}.json"
    try:
        found = json.loads(file.read_bytes())["Credentials"]
        until = datetime.fromisoformat(str(found["Expiration"]).replace("UTC", "+00:00")).timestamp() - EARLY
        credentials = Credentials(found["AccessKeyId"], found["SecretAccessKey"], found.get("SessionToken"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (credentials, until) if now < until else None
