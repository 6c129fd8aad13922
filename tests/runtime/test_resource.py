from __future__ import annotations

import copy
import json
import pickle
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uv
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sst.core.link_env import hkdf, link_env, resource_file
from sst.errors import UserError
from sst.runtime.resource import NotLinked, Resources

from .conftest import npm_package

LINKS: dict[str, dict[str, Any]] = {
    "Uploads": {"name": "shop-prod-uploads-xyz", "tags": {"team": "a", "nested": {"deep": [1, {"x": True}]}},
                "type": "sst.aws.Bucket"},
    "Stripe": {"value": "sk_live_ä€\"'\\ \n", "type": "sst.sst.Secret"},
}
APP = {"App": {"name": "shop", "stage": "prod"}}


def encrypt(key: bytes, text: bytes) -> bytes:
    return AESGCM(key).encrypt(bytes(12), text, None)


def sealed(folder: Path, links: dict[str, dict[str, Any]] = LINKS) -> dict[str, str]:
    """The environment of a function whose links are in a file."""
    from base64 import b64decode

    key, file = resource_file(links, bytes(range(32)), "aws.Function::Api", encrypt)
    (folder / "resource.enc").write_bytes(b64decode(file))
    return {"SST_KEY": key, "SST_KEY_FILE": str(folder / "resource.enc"), **link_env(APP)}


def forms(folder: Path) -> list[dict[str, str]]:
    return [link_env({**LINKS, **APP}), {"SST_RESOURCES_JSON": json.dumps({**LINKS, **APP})}, sealed(folder)]


def test_values_are_read_from_variables_from_one_json_and_from_an_encrypted_file(tmp_path: Path) -> None:
    for environment in forms(tmp_path):
        resource = Resources(environment)
        assert resource.Uploads.name == "shop-prod-uploads-xyz"
        assert resource.Uploads.tags.nested.deep[1].x is True
        assert resource["Stripe"]["value"] == LINKS["Stripe"]["value"]
        assert (resource.App.name, resource.App.stage) == ("shop", "prod")
        assert list(resource) == ["App", "Stripe", "Uploads"] and "Stripe" in resource and len(resource) == 3


def test_a_linked_thing_is_a_mapping_too() -> None:
    thing = Resources(link_env(LINKS)).Uploads
    assert dict(thing) == LINKS["Uploads"] == {**thing} and json.loads(json.dumps(thing)) == LINKS["Uploads"]
    assert list(thing) == ["name", "tags", "type"] and thing.get("nothing") is None
    assert copy.deepcopy(thing) == thing == pickle.loads(pickle.dumps(thing))  # noqa: S301  # our own bytes
    assert pickle.loads(pickle.dumps(thing)).tags.team == "a"  # noqa: S301


def test_a_property_hides_a_method_of_the_same_name() -> None:
    thing = Resources(link_env({"Shelf": {"items": [1], "keys": "k", "_x": 2}})).Shelf
    assert (thing.items, thing.keys, thing._x, dict(thing)["items"]) == ([1], "k", 2, [1])


def test_the_file_wins_over_the_json_and_that_over_a_variable(tmp_path: Path) -> None:
    environment = {**link_env({"A": {"v": 1}, "B": {"v": 1}, "C": {"v": 1}}),
                   "SST_RESOURCES_JSON": '{"A":{"v":2},"B":{"v":2}}',
                   **sealed(tmp_path, {"A": {"v": 3}})}
    resource = Resources(environment)
    assert (resource.A.v, resource.B.v, resource.C.v) == (3, 2, 1)


def test_a_changed_environment_is_noticed() -> None:
    environment = link_env({"A": {"v": 1}})
    resource = Resources(environment)
    assert resource.A.v == 1
    environment.update(link_env({"A": {"v": 2}}))
    assert resource.A.v == 2


def test_no_value_is_shown_by_repr() -> None:
    resource = Resources(link_env({"Stripe": {"value": "sk_live_1", "more": [{"pin": "1234"}], "type": "t"}}))
    texts = {repr(resource.Stripe), str(resource.Stripe), f"{resource.Stripe}"}
    assert texts == {"<Resource.Stripe: more, type, value>"}
    assert "1234" not in repr(resource.Stripe.more) and repr(resource) == "<Resource: Stripe>"


@pytest.mark.parametrize(("environment", "said", "hint"), [
    ({}, "Resource.Uploads: no links are active, this process was not started by sst", "`sst shell -- pytest`"),
    ({"AWS_LAMBDA_FUNCTION_NAME": "api", **link_env(APP)}, "Resource.Uploads: nothing is linked to function api",
     "link=[...] of the function"),
    (link_env(APP), "Resource.Uploads: nothing is linked to this process", "sst shell -- <command>"),
    (link_env({**APP, "Upload": {}, "Jobs": {}}), '"Uploads" is not linked to this process; linked: Jobs, Upload',
     'did you mean "Upload"?'),
    ({"SST_RESOURCE_Uploads": "{"}, "SST_RESOURCE_Uploads holds no JSON", "something else changed it"),
    ({"SST_RESOURCES_JSON": "[]"}, "SST_RESOURCES_JSON holds no JSON object", ""),
    ({"SST_KEY": "AAAA", "SST_KEY_FILE": "gone.enc"}, "SST_KEY_FILE=gone.enc can't be read: No such file",
     "deploy again"),
])
def test_what_is_missing_is_said_with_the_next_step(environment: dict[str, str], said: str, hint: str) -> None:
    with pytest.raises(NotLinked) as e:
        _ = Resources(environment).Uploads
    assert said in e.value.message and hint in e.value.hint and isinstance(e.value, UserError | AttributeError)


def test_a_property_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(NotLinked, match=r'Resource\.Uploads has no "nam"') as e:
        _ = Resources(link_env(LINKS)).Uploads.nam
    assert e.value.hint == "it has: name, tags, type"
    assert not hasattr(Resources({}), "Uploads") and getattr(Resources({}), "Uploads", 1) == 1


def test_a_wrong_key_is_named(tmp_path: Path) -> None:
    environment = {**sealed(tmp_path), "SST_KEY": b64encode(bytes(32)).decode()}
    with pytest.raises(NotLinked, match="can't be decrypted: the text does not fit the key"):
        _ = Resources(environment).Uploads


def test_a_relative_file_is_found_in_the_functions_folder(tmp_path: Path) -> None:
    environment = {**sealed(tmp_path), "SST_KEY_FILE": "resource.enc", "LAMBDA_TASK_ROOT": str(tmp_path)}
    assert Resources(environment).Uploads.name == "shop-prod-uploads-xyz"


def test_hkdf_gives_the_vectors_of_its_rfc() -> None:
    assert hkdf(b"\x0b" * 22, salt=bytes(range(13)), info=bytes(range(0xF0, 0xFA)), length=42).hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")
    assert hkdf(b"\x0b" * 22, salt=b"", info=b"", length=42).hex() == (
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")


PRINT_ALL = """
import json
from sst import Resource
print(json.dumps([Resource.Uploads.name, Resource.Uploads.tags.nested.deep[1].x, Resource.Stripe.value,
                  Resource.App.stage]))
"""
WANTED = ["shop-prod-uploads-xyz", True, LINKS["Stripe"]["value"], "prod"]


@pytest.mark.slow
def test_the_published_python_sdk_reads_our_links(tmp_path: Path, environment_of: Callable[..., Path]) -> None:
    python = environment_of("sst-sdk")
    for environment in forms(tmp_path):
        done = subprocess.run([python, "-c", PRINT_ALL], env=environment, capture_output=True, text=True, check=True,
                              cwd=tmp_path)
        assert json.loads(done.stdout) == WANTED


@pytest.mark.slow
def test_the_published_node_sdk_reads_our_links(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules").symlink_to(npm_package("sst") / "node_modules")
    (tmp_path / "read.mjs").write_text(
        'import { Resource } from "sst";\nconsole.log(JSON.stringify([Resource.Uploads.name, '
        "Resource.Uploads.tags.nested.deep[1].x, Resource.Stripe.value, Resource.App.stage]));\n")
    node = str(shutil.which("node"))
    for environment in forms(tmp_path):
        read = subprocess.run([node, "read.mjs"], env=environment, capture_output=True, text=True, check=True,
                              cwd=tmp_path)
        assert json.loads(read.stdout) == WANTED


def test_a_bundle_reads_links_with_the_standard_library_alone(tmp_path: Path, bundle: Path) -> None:
    for environment in forms(tmp_path):
        done = subprocess.run([sys.executable, "-S", "-c", PRINT_ALL], env=environment, capture_output=True, text=True,
                              check=True,
                              cwd=bundle)
        assert json.loads(done.stdout) == WANTED


def interpreter(version: str) -> str:
    """A Python of this version on this machine; none is downloaded."""
    command = [uv.find_uv_bin(), "python", "find", "--offline", "--no-project", version]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode == 0:
        return found.stdout.strip()
    for python in (Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"):
        return str(python)
    pytest.skip(f"there is no Python {version}")


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13", "3.14"])
def test_every_python_that_lambda_has_reads_links_and_serves_apps(tmp_path: Path, bundle: Path, version: str) -> None:
    python = interpreter(version)
    serve = """
from sst.runtime.web import handler
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
event = {"rawPath": "/", "requestContext": {"http": {"method": "GET"}}}
assert handler(app)(event, None)["statusCode"] == 200
assert handler(lambda environ, start: start("200 OK", []) and [b""])(event, None)["statusCode"] == 200
"""
    done = subprocess.run([python, "-W", "error", "-c", PRINT_ALL + serve], env=sealed(tmp_path), capture_output=True,
                          text=True,
                          check=False, cwd=bundle)
    assert done.stderr == "" and json.loads(done.stdout) == WANTED


def test_deploy_time_names_in_a_bundle_say_so(bundle: Path) -> None:
    for line in ("from sst import aws", "import sst; sst.App", "from sst import Linkable"):
        done = subprocess.run([sys.executable, "-S", "-c", line], env={}, capture_output=True, text=True, check=False,
                              cwd=bundle)
        assert "is for sst_config.py, at deploy time" in done.stderr


def test_importing_sst_loads_nothing_else(bundle: Path) -> None:
    line = "import sys; before = set(sys.modules); import sst; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-S", "-c", line], env={}, capture_output=True, text=True, check=True,
                          cwd=bundle)
    assert done.stdout.strip() == "['sst']"
