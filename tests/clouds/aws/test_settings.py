"""What is read from AWS's files without botocore, beside what botocore reads."""
from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.credentials import AssumeRoleCredentialFetcher, SSOCredentialFetcher
from botocore.httpsession import get_cert_path
from botocore.utils import JSONFileCache

from sst.clouds.aws.client import Aws
from sst.clouds.aws.settings import Settings
from sst.clouds.aws.sign import Credentials
from sst.errors import SstError, UserError

from .stand_in import Answer, stand_in

CONFIG = """
[default]
region = eu-west-1

[profile keys]
region = eu-central-1
aws_access_key_id = AKIACONFIG
aws_secret_access_key = of config
ca_bundle = /ca.pem
s3 =
  addressing_style = path
services = mine

[profile "of two files"]
aws_access_key_id = AKIACONFIG
aws_secret_access_key = of config
region = us-west-2

[profile token]
aws_access_key_id = AKIATOKEN
aws_secret_access_key = a=b # no comment
aws_session_token = the token

[profile half]
aws_access_key_id = AKIAHALF

[profile role]
role_arn = arn:aws:iam::123456789012:role/Deploy
source_profile = keys
external_id = x
duration_seconds = 3600

[profile single]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Admin

[profile process]
credential_process = echo

[sso-session corp]
sso_start_url = https://corp.example.com/start
sso_region = eu-central-1

[services mine]
sts =
  endpoint_url = http://127.0.0.1:4566
"""
SHARED = """
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = of default

[of two files]
aws_access_key_id = AKIASHARED
aws_secret_access_key = of shared
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [n for n in os.environ if n.startswith(("AWS_", "SSL_CERT_", "REQUESTS_CA_"))]:
        monkeypatch.delenv(name)
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text(CONFIG)
    (tmp_path / ".aws/credentials").write_text(SHARED)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


def settings(profile: str | None = None, **environment: str) -> Settings:
    return Settings(region=None, profile=profile, endpoint=None, credentials=None,
                    environment={**os.environ, **environment})


@pytest.mark.parametrize("profile", ["default", "keys", "of two files", "token"])
@pytest.mark.parametrize("explicit", [True, False])
def test_keys_and_settings_are_those_that_botocore_reads(home: Path, profile: str, explicit: bool) -> None:
    ours = settings(profile) if explicit else settings(AWS_PROFILE=profile)
    theirs = botocore.session.Session(profile=profile)
    frozen = theirs.get_credentials().get_frozen_credentials()
    assert ours.credentials() == Credentials(frozen.access_key, frozen.secret_key, frozen.token)
    assert ours._scoped == theirs.get_scoped_config() and ours._session is None
    if region := theirs.get_scoped_config().get("region"):
        assert ours.region == region
    assert settings().ca_bundle() == get_cert_path(True)


def test_the_default_profile_needs_not_exist_and_a_named_one_must(home: Path) -> None:
    assert settings().credentials().access_key == "AKIADEFAULT" and settings().region == "eu-west-1"
    for one in (settings("nobody"), settings(AWS_PROFILE="nobody")):
        with pytest.raises(UserError, match='the AWS profile "nobody" does not exist'):
            one.credentials()
    (home / ".aws/config").unlink()
    (home / ".aws/credentials").unlink()
    with pytest.raises(UserError, match="no AWS credentials were found"):
        settings().credentials()
    (home / ".aws/config").write_text("no section\n")
    with pytest.raises(UserError, match=r"\.aws/config can't be read"):
        settings().credentials()


def test_half_a_key_is_refused_by_botocores_words(home: Path) -> None:
    with pytest.raises(UserError, match='the AWS credentials of profile "half" are incomplete'):
        settings("half").credentials()


BROKEN = {
    "mfa": ("role_arn = arn:aws:iam::123456789012:role/x\nsource_profile = keys\nmfa_serial = arn:aws:iam::1:mfa/me\n",
            'the AWS profile "mfa" asks for an MFA code, and there is no terminal', "identity --profile mfa"),
    "behind": ("role_arn = arn:aws:iam::123456789012:role/y\nsource_profile = mfa\n", 'the AWS profile "mfa" asks',
               "identity --profile behind"),
    "program": ("credential_process = /nonexistent --x\n", 'of profile "program" can\'t be loaded: .*nonexistent', ""),
    "words": ("credential_process = echo hello\n", 'of profile "words" can\'t be loaded', "profile words"),
    "token-file": ("role_arn = arn:aws:iam::123456789012:role/x\nweb_identity_token_file = /nonexistent/token\n",
                   'of profile "token-file" can\'t be loaded', ""),
    "login": ("login_session = arn:aws:iam::123456789012:user/me\n", "the AWS login of profile", "aws login|botocore"),
}


@pytest.mark.parametrize("profile", BROKEN)
def test_what_can_t_be_asked_for_is_said_with_its_profile(home: Path, profile: str) -> None:
    """In a process without a terminal, as in CI."""
    with (home / ".aws/config").open("a") as file:
        file.writelines(f"[profile {name}]\n{text}" for name, (text, _, _) in BROKEN.items())
    program = ("import os, sys; from sst.clouds.aws.settings import Settings; from sst.errors import SstError\n"
               "try: Settings(region=None, profile=sys.argv[1], endpoint=None, credentials=None,"
               " environment=os.environ).credentials()\n"
               "except SstError as e: print(e.message, '|', e.hint)")
    done = subprocess.run([sys.executable, "-c", program, profile], capture_output=True, text=True,
                          start_new_session=True, stdin=subprocess.DEVNULL)
    _, text, hint = BROKEN[profile]
    assert re.search(text, done.stdout) and re.search(hint, done.stdout) and not done.stderr, done


def _session(home: Path, key: str, *, minutes: float) -> None:
    """Cache a session as the AWS CLI does."""
    JSONFileCache(str(home / ".aws/cli/cache"))[key] = {"Credentials": {
        "AccessKeyId": "ASIACACHED", "SecretAccessKey": "of the cache", "SessionToken": "token",
        "Expiration": (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")}}


def _keys() -> dict[str, str]:
    """The name of the cached session of each profile, by botocore."""
    role = AssumeRoleCredentialFetcher(_nobody, None, "arn:aws:iam::123456789012:role/Deploy",
                                       extra_args={"ExternalId": "x", "DurationSeconds": 3600})
    single = SSOCredentialFetcher("https://corp.example.com/start", "eu-central-1", "Admin", "123456789012", _nobody,
                                  sso_session_name="corp")
    return {"role": role._create_cache_key(), "single": single._create_cache_key()}


def _nobody(*_: Any, **__: Any) -> None:
    raise AssertionError("asked for")


@pytest.mark.parametrize("profile", ["role", "single"])
def test_a_session_that_the_cli_has_cached_is_used_until_it_expires(home: Path, profile: str) -> None:
    _session(home, _keys()[profile], minutes=60)
    ours = settings(profile)
    assert ours.credentials() == Credentials("ASIACACHED", "of the cache", "token") and ours._session is None
    _session(home, _keys()[profile], minutes=14)
    again = settings(profile)
    assert again._stored_credentials() is None, "botocore asks for new ones a quarter of an hour before"
    for file in (home / ".aws/cli/cache").iterdir():
        file.write_text("{")
    assert again._stored_credentials() is None


@pytest.mark.parametrize(("profile", "environment"), [("process", {}), ("role", {}), ("single", {}), (
    "keys", {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/r"})])
def test_what_must_be_asked_for_is_left_to_botocore(home: Path, profile: str, environment: dict[str, str]) -> None:
    assert settings(profile, **environment)._stored_credentials() is None


IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::123456789012:user/A&amp;B</Arn><UserId>AIDA</UserId><Account>123456789012</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""
ASKS = """import os, sys
from sst.clouds.aws.client import Aws
print(Aws(environment=os.environ).account())
print([m for m in sys.modules if m.partition(".")[0] == "botocore"])
"""


def test_who_calls_is_asked_without_botocore(home: Path) -> None:
    with stand_in(lambda n: Answer(200, IDENTITY)) as cloud:
        done = subprocess.run([sys.executable, "-c", ASKS], capture_output=True, text=True, check=True,
                              env={**os.environ, "AWS_ENDPOINT_URL_STS": cloud.url, "AWS_PROFILE": "keys"})
        [(_, path, headers, body)] = cloud.requests
    assert done.stdout.splitlines() == ["123456789012", "[]"]
    assert "Credential=AKIACONFIG/" in headers["authorization"] and "/eu-central-1/sts/" in headers["authorization"]
    assert (path, body) == ("/", b"Action=GetCallerIdentity&Version=2011-06-15")


def test_the_endpoint_of_sts_is_the_one_that_botocore_chooses(home: Path) -> None:
    from sst.clouds.aws.identity import Identity
    from sst.clouds.aws.models import loader
    from sst.clouds.aws.service import Service

    model = Service("sts", loader())
    for region in (*botocore.session.Session().get_available_regions("sts"), "cn-north-1", "us-gov-west-1",
                   "us-iso-east-1", "eusc-de-east-1"):
        theirs = model.prepare("get_caller_identity", {}, region=region, endpoint=None, flags={})
        ours = Identity().prepare("get_caller_identity", {}, region=region, endpoint=None, flags={})
        assert (ours.place.host, ours.place.region) == (theirs.place.host, theirs.place.region), region
        assert (ours.method, ours.target, ours.body) == (theirs.method, theirs.target, theirs.body)


REFUSED = """<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code>
<Message>The security token is invalid.</Message></Error></ErrorResponse>"""


@pytest.mark.parametrize(("answer", "said"), [
    (Answer(403, REFUSED), "AWS does not accept the credentials"),
    (Answer(200, "<html>log in</html>"), "the answer can't be read"),
])
def test_an_answer_that_is_none_is_told(answer: Answer, said: str) -> None:
    with stand_in(lambda n: answer) as cloud, Aws(
            region="us-east-1", endpoint=cloud.url, credentials=("a", "b"), environment={}) as aws, pytest.raises(
            SstError, match=said):
        aws.account()
