"""The standard AWS settings: region, endpoint, credentials, CA bundle, proxies. Log-ins, roles to assume and IMDS are
botocore's."""
from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from ...errors import ProviderError, SstError, UserError
from .credentials import stored_credentials
from .models import loader
from .profile import ConfigFiles, Section
from .sign import Credentials

__all__ = ["Login", "Settings"]

Login = tuple[str, str] | tuple[str, str, str | None]
"""Access key, secret key, session token."""


class Settings:
    """What one ``Aws`` client was told, explicitly, by the environment, or by the AWS config files, in this order."""

    def __init__(self, *, region: str | None, profile: str | None, endpoint: str | None,
                 credentials: Login | Callable[[], Credentials] | None, environment: Mapping[str, str]) -> None:
        self._given: Callable[[], Credentials] | None = None
        if callable(credentials):
            self._given = credentials
        elif credentials:
            fixed = Credentials(*credentials)
            self._given = lambda: fixed
        self.environment, self._explicit_profile, self._endpoint = environment, profile, endpoint
        self.profile = profile or environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE") or ""
        self._region = region
        self._session: Any = None
        self._source: Any = None
        self._files = ConfigFiles(environment)
        self._stored: tuple[Credentials, float] | None = None
        self._lock = Lock()

    @property
    def session(self) -> Any:
        """botocore's session: its loader of models and its chain of credential providers."""
        with self._lock:
            if self._session is None:
                self._session = self._made()
            return self._session

    def models(self) -> Any:
        """botocore's loader of models; a session of botocore, which is slow to import, only for models of the user's
        own."""
        return self.session.get_component("data_loader") if "AWS_DATA_PATH" in self.environment else loader()

    def _made(self) -> Any:
        import botocore.session

        if not self._given:  # with given credentials the user's own profile counts for nothing, even a missing one
            _ = self._scoped
        session = botocore.session.Session(profile=self._explicit_profile)
        for variable, key in (("config_file", "AWS_CONFIG_FILE"), ("credentials_file", "AWS_SHARED_CREDENTIALS_FILE")):
            if path := self.environment.get(key):
                session.set_config_variable(variable, path)
        if self.profile and not self._explicit_profile:
            session.set_config_variable("profile", self.profile)
        if "AWS_DATA_PATH" not in self.environment:  # models of the user's own
            session.register_component("data_loader", loader())
        return session

    @cached_property
    def _scoped(self) -> Section:
        """The settings of the profile in the files."""
        if self._given:
            return {}
        found = self._files.profile(self.profile or "default")
        if found is None and self.profile:
            raise UserError(f'the AWS profile "{self.profile}" does not exist',
                            hint="`aws configure list-profiles` shows what there is; set AWS_PROFILE to one of them")
        return found or {}

    @property
    def region(self) -> str:
        """The region, or ``UserError`` if none is set anywhere."""
        if not self._region:
            env = self.environment
            self._region = env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or self._scoped.get("region")
        if not self._region:
            raise UserError("no AWS region is set",
                            hint='set `region` in sst_config.py (`Config(region="us-east-1")`) or AWS_REGION',
                            code="no-region")
        return self._region

    def endpoint(self, service: str) -> str | None:
        """A custom endpoint for the service: explicit, ``AWS_ENDPOINT_URL_<SERVICE>``, ``AWS_ENDPOINT_URL``, config
        file."""
        env = self.environment
        if self._endpoint:
            return self._endpoint
        if env.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
            return None
        key = "STS" if service == "sts" else self._service_id(service).replace(" ", "_")
        if found := env.get(f"AWS_ENDPOINT_URL_{key.upper()}") or env.get("AWS_ENDPOINT_URL"):
            return found
        scoped = self._scoped
        if isinstance(name := scoped.get("services"), str):
            services = self._files.section("services", name) or {}
            if url := (services.get(key.lower()) or {}).get("endpoint_url"):
                return str(url)
        return scoped.get("endpoint_url")

    def _service_id(self, service: str) -> str:
        return str(self.models().load_service_model(service, "service-2")["metadata"]["serviceId"])

    @property
    def events_url(self) -> str:
        """Where the region makes AppSync APIs."""
        return self.endpoint("appsync") or f"https://appsync.{self.region}.amazonaws.com"

    def flag(self, variable: str, key: str) -> bool:
        """A boolean setting by its environment variable or its key in the config file."""
        return str(self.environment.get(variable) or self._scoped.get(key) or "").lower() == "true"

    def ca_bundle(self) -> str | None:
        found = self.environment.get("AWS_CA_BUNDLE") or self._scoped.get("ca_bundle")
        found = found or self.environment.get("REQUESTS_CA_BUNDLE") or self.environment.get("SSL_CERT_FILE")
        return str(found) if found else _authorities()

    def proxies(self) -> tuple[dict[str, str], str]:
        """Proxy by scheme, and what must not go through one."""
        env = self.environment
        found = {s: url for s in ("http", "https") if (url := env.get(f"{s}_proxy") or env.get(f"{s.upper()}_PROXY"))}
        return {s: url if "://" in url else f"http://{url}" for s,
                url in found.items()}, env.get("no_proxy") or env.get("NO_PROXY") or ""

    def credentials(self) -> Credentials:
        """Credentials that are valid now; refreshed when they are about to expire. Raises ``UserError`` if there are
        none."""
        if self._given:
            return self._given()
        env = self.environment
        if not self._explicit_profile and (key := env.get("AWS_ACCESS_KEY_ID")):
            if not env.get("AWS_SECRET_ACCESS_KEY"):
                raise UserError("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not",
                                hint="set both, or neither and AWS_PROFILE", code="no-credentials")
            return Credentials(key, env["AWS_SECRET_ACCESS_KEY"], env.get("AWS_SESSION_TOKEN") or None)
        if found := self._stored_credentials():
            return found
        self._can_ask()
        from botocore.exceptions import BotoCoreError, ClientError

        session = self.session
        try:
            with self._lock:
                if self._source is None:
                    self._source = session.get_credentials()
                source = self._source
            frozen = source.get_frozen_credentials() if source else None
        except (BotoCoreError, ClientError, OSError, ValueError, KeyError) as e:  # the last ones of a program's answer
            raise self._refused(e) from e
        if frozen is None or not frozen.access_key:
            raise UserError("no AWS credentials were found",
                            hint=self.login_hint() or "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
                            "AWS_SECRET_ACCESS_KEY; `aws configure sso` makes a profile; `--stage local` needs no "
                            "account", code="no-credentials")
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    def _stored_credentials(self) -> Credentials | None:
        """Those that lie on this machine, until they expire; None if they must be asked for."""
        with self._lock:
            if self._source is not None:
                return None
            if self._stored is None or time.time() >= self._stored[1]:
                _ = self._scoped
                self._stored = stored_credentials(self._files, self.profile or "default", self.environment,
                                                  now=time.time(), cache=Path("~/.aws/cli/cache").expanduser())
            return self._stored[0] if self._stored else None

    def _can_ask(self) -> None:
        """UserError where a code of MFA would be asked for, and there is no terminal to ask on."""
        name, seen = self.profile or "default", set[str]()
        while name and name not in seen:
            seen.add(name)
            section = self._files.profile(name) or {}
            if section.get("mfa_serial") and section.get("role_arn") and not _has_terminal():
                raise UserError(f'the AWS profile "{name}" asks for an MFA code, and there is no terminal here',
                                hint=f"run `aws sts get-caller-identity --profile {self.profile or name}` on a terminal"
                                     " first: its session is used until it expires", code="no-terminal")
            name = str(section.get("source_profile") or "")

    def login_hint(self) -> str:
        """How to log in again with this profile."""
        if not self.profile or self._given:
            return ""
        if self._scoped.keys() & {"sso_session", "sso_start_url"}:
            return f"run `aws sso login --profile {self.profile}`"
        if "login_session" in self._scoped:
            return f"run `aws login --profile {self.profile}`"
        return f'check the profile "{self.profile}" with `aws sts get-caller-identity --profile {self.profile}`'

    def _refused(self, e: Exception) -> SstError:
        kind = type(e).__name__
        name = f' of profile "{self.profile}"' if self.profile else ""
        if kind == "MissingDependencyException":
            return UserError(f"the AWS login{name} needs a package that is not installed: {e}",
                             hint='pip install "botocore[crt]"', code="no-credentials")
        if "SSO" in kind or "Token" in kind or kind.startswith("Login"):
            return UserError(f"the AWS login{name} has expired",
                             hint=self.login_hint() or "run `aws sso login`, or `aws login`",
                             code="credentials-expired")
        if kind == "PartialCredentialsError":
            return UserError(f"the AWS credentials{name} are incomplete: {e}", hint=self.login_hint(),
                             code="no-credentials")
        return ProviderError(f"the AWS credentials{name} can't be loaded: {e}", code=kind, hint=self.login_hint(),
                             sent=False)


def _has_terminal() -> bool:
    """As `getpass` finds it, which asks."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _authorities() -> str | None:
    """The file of certificate authorities that botocore would use: certifi's if it is installed, else its own."""
    for package in ("certifi", "botocore"):
        if (found := importlib.util.find_spec(package)) and found.origin:
            return str(Path(found.origin).with_name("cacert.pem"))
    return None
