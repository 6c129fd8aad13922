from __future__ import annotations

import base64
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Barrier

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sst.clouds.aws.client import Aws
from sst.clouds.aws.retry import Policy
from sst.clouds.aws.sign import Credentials, signed
from sst.errors import ProviderError, Throttled, UserError

from .stand_in import RESET, Answer, refusal, stand_in

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
URL = {"QueueUrl": "u"}


@contextmanager
def client(url: str, **more: str) -> Iterator[Aws]:
    """A client whose pauses take no time but count."""
    at = [1_800_000_000.0]

    def sleep(seconds: float) -> None:
        at[0] += seconds

    with Aws(environment={**KEYS, "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": url, **more}, clock=lambda: at[0],
             sleep=sleep,
             policy=Policy(failures=4, throttled=60, transient=30)) as aws:
        yield aws


def test_importing_the_package_does_not_import_botocore() -> None:
    code = "import sys, sst.clouds.aws.client as c; c.Aws(environment={}); sys.exit('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_signature_is_the_one_of_awss_test_suite() -> None:
    headers = signed("GET", "example.amazonaws.com", "/?Param2=value2&Param1=value1", {},
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934"
                     "ca495991b7852b855", credentials=Credentials(*KEYS.values()), region="us-east-1",
                     service="service",
                     stamp="20150830T123600Z")
    signature = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
    assert headers["Authorization"].endswith(f"Signature={signature}")


def test_a_throttled_call_is_sent_again_until_it_gets_through() -> None:
    said: list[str] = []
    with stand_in(lambda n: refusal("ThrottlingException") if n < 7
                  else Answer(200, URL)) as cloud, client(cloud.url) as aws:
        assert aws.call("sqs", "create_queue", {"QueueName": "q"}, note=said.append)["QueueUrl"] == "u"
        assert aws.counts["sqs.create_queue"] == 8
    assert said[0] == "slowed down by AWS"


def test_endless_throttling_ends_as_throttled() -> None:
    with stand_in(lambda n: refusal("ThrottlingException")) as cloud, client(cloud.url) as aws:
        with pytest.raises(Throttled) as e:
            aws.call("sqs", "create_queue", {"QueueName": "q"})
        assert len(cloud.requests) < 40
    assert e.value.operation == "sqs create_queue"


def test_a_read_is_repeated_when_its_answer_is_lost() -> None:
    with stand_in(lambda n: RESET if n < 2 else Answer(200, URL)) as cloud, client(cloud.url) as aws:
        assert aws.call("sqs", "get_queue_url", {"QueueName": "q"})["QueueUrl"] == "u"
        assert len(cloud.requests) == 3


def test_a_create_without_a_token_is_never_blindly_repeated_after_it_was_sent() -> None:
    for broken in (RESET, refusal("InternalFailure", status=500)):
        with stand_in(lambda n, broken=broken: broken) as cloud, client(cloud.url) as aws:
            with pytest.raises(ProviderError) as e:
                aws.call("sqs", "create_queue", {"QueueName": "q"})
            assert len(cloud.requests) == 1
        assert e.value.sent


def test_a_create_with_a_token_is_repeated_with_the_same_token() -> None:
    with stand_in(lambda n: RESET if n == 0 else Answer(200, {"ARN": "a"})) as cloud, client(cloud.url) as aws:
        assert aws.call("secretsmanager", "create_secret", {"Name": "s"}, token="t" * 32)["ARN"] == "a"
        assert [b["ClientRequestToken"] for b in cloud.bodies] == ["t" * 32] * 2


def test_5xx_of_an_idempotent_call_ends_after_some_tries() -> None:
    with stand_in(lambda n: refusal("InternalFailure", "broken", 500)) as cloud, client(cloud.url) as aws:
        with pytest.raises(ProviderError) as e:
            aws.call("sqs", "get_queue_url", {"QueueName": "q"})
        assert len(cloud.requests) == 4
    assert str(e.value) == "InternalFailure: broken   [sqs get_queue_url, request r-1]" and e.value.status == 500


def test_what_a_moment_cures_is_tried_again_and_nothing_else() -> None:
    answers = [refusal("InvalidParameterValueException",
                       "The role defined for the function cannot be assumed by Lambda.")] * 3
    with stand_in(lambda n: answers[n] if n < 3 else Answer(201,
                                                            {"FunctionName": "f"})) as cloud, client(cloud.url) as aws:
        said: list[str] = []
        aws.call("lambda", "create_function", {"FunctionName": "f", "Role": "r", "Code": {"ZipFile": b"z"}},
                 retry=("InvalidParameterValueException: cannot be assumed",), note=said.append)
        assert len(cloud.requests) == 4 and "cannot be assumed" in said[0]
    with stand_in(lambda n: refusal("InvalidParameterValueException",
                                    "bad handler")) as cloud, client(cloud.url) as aws:
        with pytest.raises(ProviderError):
            aws.call("lambda", "create_function", {"FunctionName": "f", "Role": "r", "Code": {"ZipFile": b"z"}},
                     retry=("InvalidParameterValueException: cannot be assumed",))
        assert len(cloud.requests) == 1


def test_a_wrong_clock_is_noticed_and_allowed_for() -> None:
    later = datetime.fromtimestamp(1_800_003_600, UTC)
    skewed = refusal("InvalidSignatureException", "Signature not yet current", 403,
                     Date=later.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    with stand_in(lambda n: skewed if n == 0 else Answer(200, URL)) as cloud, client(cloud.url) as aws:
        aws.call("sqs", "create_queue", {"QueueName": "q"})
        assert cloud.requests[1][2]["x-amz-date"] == later.strftime("%Y%m%dT%H%M%SZ")


def test_calls_that_were_sent_with_the_wrong_clock_at_the_same_time_are_all_sent_again() -> None:
    later = datetime.fromtimestamp(1_800_003_600, UTC)
    skewed = refusal("InvalidSignatureException", "Signature not yet current", 403,
                     Date=later.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    sent = Barrier(2)

    def decide(n: int) -> Answer:
        if n < 2:
            sent.wait(30)
            return skewed
        return Answer(200, URL)

    with stand_in(decide) as cloud, client(cloud.url) as aws, ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(aws.call, "sqs", "create_queue", {"QueueName": name}) for name in "pq"]
        assert [c.result()["QueueUrl"] for c in calls] == ["u", "u"] and len(cloud.requests) == 4


def test_a_connection_the_server_closed_while_idle_is_not_used_again() -> None:
    with stand_in(lambda n: Answer(200, URL, {"Connection": "close"})) as cloud, client(cloud.url) as aws:
        for _ in range(3):
            aws.call("sqs", "create_queue", {"QueueName": "q"})
        assert len(cloud.requests) == 3


def test_an_unreachable_endpoint_says_that_nothing_was_sent() -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        with client(f"http://127.0.0.1:{s.getsockname()[1]}") as aws, pytest.raises(ProviderError) as e:
            aws.call("sqs", "create_queue", {"QueueName": "q"})
    assert not e.value.sent and "AWS_ENDPOINT_URL" in e.value.hint and aws.counts["sqs.create_queue"] == 4


def test_wrong_parameters_are_named_without_their_values() -> None:
    with client("http://127.0.0.1:1") as aws, pytest.raises(ProviderError) as e:
        aws.call("sqs", "create_queue", {"QueueName": "q", "Attributes": {"DelaySeconds": ["s3cret"]},
                                         "Nope": "s3cret"})
    assert "Attributes.DelaySeconds" in str(e.value) and "Nope" in str(e.value)
    assert "s3cret" not in str(e.value) and not e.value.sent


def test_http_goes_through_the_proxy_unless_told_otherwise() -> None:
    with stand_in(lambda n: Answer(200, URL)) as proxy:
        for without, seen in (("", 1), ("example.test", 0)):
            with client("http://cloud.example.test", HTTP_PROXY=proxy.url.replace("//", "//u:p@"),
                        NO_PROXY=without) as aws:
                if not seen:
                    aws.pool()._connect = 0.2
                    with pytest.raises(ProviderError):
                        aws.call("sqs", "get_queue_url", {"QueueName": "q"})
                else:
                    aws.call("sqs", "get_queue_url", {"QueueName": "q"})
        assert [(r[1], r[2]["proxy-authorization"])
                for r in proxy.requests] == [("http://cloud.example.test:80/", "Basic dTpw")]


def test_large_code_arrives_whole_and_is_sent_again_whole() -> None:
    code = bytes(range(256)) * 8000
    params = {"FunctionName": "f", "ZipFile": code}
    with stand_in(lambda n: Answer() if n else refusal("ServiceException",
                                                       status=500)) as cloud, client(cloud.url) as aws:
        aws.call("lambda", "update_function_code", params)
    assert [base64.b64decode(b["ZipFile"]) == code for b in cloud.bodies] == [True, True]


def test_a_header_with_a_line_break_is_refused() -> None:
    with (
        client("http://127.0.0.1:1") as aws,
        stand_in(lambda n: Answer()) as cloud,
        pytest.raises(ProviderError, match="line break"),
    ):
        aws._endpoints["s3"] = cloud.url
        aws.call("s3", "put_object", {"Bucket": "b", "Key": "k", "Body": b"", "ContentType": "a\r\nX-Evil: 1"})


def test_the_endpoint_of_one_service_wins_over_that_of_all() -> None:
    aws = Aws(environment={**KEYS, "AWS_REGION": "r", "AWS_ENDPOINT_URL": "http://all",
                           "AWS_ENDPOINT_URL_DYNAMODB": "http://one",
                           "AWS_ENDPOINT_URL_API_GATEWAY": "http://two"})
    assert [aws.endpoint(s) for s in ("sqs", "dynamodb", "apigateway")] == ["http://all", "http://one", "http://two"]


def test_endpoints_without_settings_are_awss() -> None:
    def place(service: str, operation: str, params: dict[str, object], region: str) -> tuple[str, str, str, str]:
        p = aws.service(service).prepare(operation, params, region=region, endpoint=None, flags=aws._fips())
        return p.place.host, p.target, p.place.region, p.place.signing_name

    aws = Aws(environment={**KEYS, "AWS_REGION": "eu-west-1"})
    assert place("sqs", "create_queue", {"QueueName": "q"}, "eu-west-1") == (
        "sqs.eu-west-1.amazonaws.com",
        "/",
        "eu-west-1",
        "sqs",
    )
    assert place("iam", "get_role", {"RoleName": "r"}, "eu-west-1") == ("iam.amazonaws.com", "/", "us-east-1", "iam")
    assert place("s3", "put_object", {"Bucket": "bbb", "Key": "a/b c"}, "eu-west-1") == (
        "bbb.s3.eu-west-1.amazonaws.com", "/a/b%20c", "eu-west-1", "s3")
    assert place("s3", "list_objects_v2", {"Bucket": "with.dot", "Prefix": "x"}, "eu-west-1")[:2] == (
        "s3.eu-west-1.amazonaws.com", "/with.dot?list-type=2&prefix=x&encoding-type=url")
    assert place("route53", "get_hosted_zone", {"Id": "Z1"}, "eu-west-1")[:3] == (
        "route53.amazonaws.com", "/2013-04-01/hostedzone/Z1", "us-east-1")
    assert place("sqs", "create_queue", {"QueueName": "q"}, "cn-north-1")[0] == "sqs.cn-north-1.amazonaws.com.cn"


@pytest.mark.parametrize(("environment", "text", "hint"), [
    ({}, "no AWS region is set", "AWS_REGION"),
    ({"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "x"}, "AWS_SECRET_ACCESS_KEY is not", "set both"),
    ({"AWS_REGION": "eu-west-1", "AWS_PROFILE": "nope"}, 'the AWS profile "nope" does not exist', "list-profiles"),
    ({"AWS_REGION": "eu-west-1", "AWS_PROFILE": "sso"}, 'the AWS login of profile "sso" has expired',
     "aws sso login --profile sso"),
])
def test_missing_settings_have_their_own_messages(tmp_path: Path, environment: dict[str, str], text: str,
                                                  hint: str) -> None:
    config = tmp_path / "config"
    config.write_text("[profile sso]\nsso_start_url=https://x\nsso_region=eu-west-1\nsso_account_id=1\nsso_role_name=r\n")
    files = {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}
    with pytest.raises(UserError) as e:
        Aws(environment={**files, **environment}).account()
    assert text in e.value.message and hint in e.value.hint


def test_expired_and_unknown_credentials_have_their_own_messages(tmp_path: Path) -> None:
    def xml(code: str) -> Answer:
        body = (f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error>"
                "<RequestId>r</RequestId></ErrorResponse>")
        return Answer(403, body.encode(), {"Content-Type": "text/xml"})

    for code, text in (("ExpiredToken", "have expired"), ("InvalidClientTokenId", "does not accept")):
        with (
            stand_in(lambda n, code=code: xml(code)) as cloud,
            client(cloud.url) as aws,
            pytest.raises(UserError, match=text),
        ):
            aws.account()


def test_what_expired_is_said_of_ec2_and_of_a_head_that_gives_no_reason() -> None:
    """EC2 says RequestExpired of credentials too:
    https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-troubleshooting.html"""
    said = (b"<Response><Errors><Error><Code>RequestExpired</Code><Message>Request has expired.</Message></Error>"
            b"</Errors><RequestID>r</RequestID></Response>")
    with stand_in(lambda n: Answer(400, said, {"Content-Type": "text/xml"})) as cloud, client(cloud.url) as aws:
        with pytest.raises(ProviderError) as e:
            aws.call("ec2", "describe_vpcs")
        assert "get new credentials" in e.value.hint
    with stand_in(lambda n: Answer(400, b"")) as cloud, client(cloud.url) as aws:
        with pytest.raises(ProviderError) as e:
            aws.call("s3", "head_bucket", {"Bucket": "b"})
        assert "credentials that have expired" in e.value.hint


def test_a_head_that_is_throttled_is_sent_again_as_long_as_any_call() -> None:
    """S3 refuses it with a status alone; others get as few tries as after an error of the service."""
    with stand_in(lambda n: Answer(503 if n < 9 else 200, b"")) as cloud, client(cloud.url) as aws:
        aws.call("s3", "head_bucket", {"Bucket": "b"})
        assert len(cloud.requests) == 10
    with stand_in(lambda n: Answer(503, b"")) as cloud, client(cloud.url) as aws:
        with pytest.raises(ProviderError):
            aws.call("s3", "get_bucket_versioning", {"Bucket": "b"})
        assert len(cloud.requests) == 4


def test_a_profile_of_the_config_file_gives_region_endpoint_and_keys(tmp_path: Path) -> None:
    config, keys = tmp_path / "config", tmp_path / "credentials"
    config.write_text("[profile dev]\nregion = eu-north-1\nservices = mine\nendpoint_url = http://all\n"
                      "[services mine]\nsqs =\n  endpoint_url = http://queues\n")
    keys.write_text("[dev]\naws_access_key_id = AK\naws_secret_access_key = SK\n")
    aws = Aws(profile="dev", environment={"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(keys)})
    assert (aws.region, aws.endpoint("sqs"), aws.endpoint("iam")) == ("eu-north-1", "http://queues", "http://all")
    assert aws.settings.credentials() == Credentials("AK", "SK", None)


def test_https_asks_the_proxy_for_a_tunnel() -> None:
    with stand_in(lambda n: Answer(407)) as proxy:
        with_password = proxy.url.replace("//", "//u:p@")
        with client("https://cloud.example.test", HTTPS_PROXY=with_password) as aws, \
                pytest.raises(ProviderError) as e:
            aws.call("sqs", "create_queue", {"QueueName": "q"})
        assert not e.value.sent and "through the proxy 127.0.0.1" in e.value.message and "407" in e.value.message
        assert proxy.requests[0][:2] == ("CONNECT", "cloud.example.test:443")
        assert proxy.requests[0][2]["proxy-authorization"] == "Basic dTpw"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine and its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256()))
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    pem = serialization.Encoding.PEM
    file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
                     + made.public_bytes(pem))
    return file


def test_https_trusts_the_ca_bundle_and_keeps_its_connection(certificate: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with stand_in(lambda n: Answer(200, URL), tls) as cloud:
        with client(cloud.url, AWS_CA_BUNDLE=str(certificate)) as aws:
            for _ in range(5):
                aws.call("sqs", "create_queue", {"QueueName": "q"})
        assert len(cloud.requests) == 5 and len(cloud.ports) == 1
        with client(cloud.url) as aws, pytest.raises(ProviderError, match="CERTIFICATE_VERIFY_FAILED"):
            aws.call("sqs", "create_queue", {"QueueName": "q"})


def test_a_ca_bundle_that_can_t_be_read_is_named(tmp_path: Path) -> None:
    with client("https://cloud.example.test", AWS_CA_BUNDLE=str(tmp_path / "none.pem")) as aws, \
            pytest.raises(UserError) as e:
        aws.call("sqs", "create_queue", {"QueueName": "q"})
    assert "none.pem" in e.value.message and "AWS_CA_BUNDLE" in e.value.hint
