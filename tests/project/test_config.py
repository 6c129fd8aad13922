import re
from typing import Any

import pytest

import sst
from sst.errors import Problems, UserError
from sst.project.config import check_config, check_version


def test_a_mapping_is_as_good_as_a_config() -> None:
    assert check_config({"name": "a", "region": "eu-west-1"}) == sst.Config(name="a", region="eu-west-1")


@pytest.mark.parametrize(("given", "text"), [
    ({}, "no name"), ({"name": ""}, "no name"), ({"name": "a b"}, "not valid"), ({"name": "1a"}, "not valid"),
    ({"name": "a" * 41}, "40 is the limit"),
    ({"name": "a", "regoin": "x"}, 'did you mean "region"?'), ({"name": "a", "region": "narnia"}, "not a region"),
    ({"name": "a", "account": 123}, "12 digits"), ({"name": "a", "home": "azure"}, '"aws" or "local"'),
    ({"name": "a", "home": "locl"}, 'mean "local"'),
    ({"name": "a", "removal": "keep"}, "removal can't be 'keep'"),
    ({"name": "a", "removalPolicy": "x"}, "did you mean removal?"),
    ({"name": "a", "protect": "yes"}, "True or False"), ({"name": "a", "tags": ["x"]}, "mapping"),
    ({"name": "a", "tags": {"sst:x": "y"}}, "prefix"),
    ({"name": "a", "tags": {"x": 1}}, "text for its name and value"), ({"name": "a", "version": "soon"}, "range"),
    ({"name": "a", "watch": "src"}, "list"),
    ({"name": "a", "budget": {"monthly": "50"}}, "write it like \"50 USD\""),
    ({"name": "a", "budget": {"monthly": "50 USD", "above": "stop"}}, '"warn" or "refuse"'),
    ({"name": "a", "budget": {"monthly": "50 USD", "yearly": 3}}, "no option 'yearly'"),
    ({"name": "a", "local": "podman"}, "local must be a mapping"),
    ({"name": "a", "local": {"engine": "podmam"}}, 'did you mean "podman"?'),
    ({"name": "a", "local": {"engine": None}}, '"podman" or "docker"'),
    ({"name": "a", "local": {"motor": "podman"}}, "local has no option 'motor'"),
    ({"name": "a", "providers": 3}, "mapping"), ({"name": "a", "profile": 3}, "profile must be text"),
])
def test_each_bad_option_says_what_is_wrong(given: dict[str, Any], text: str) -> None:
    with pytest.raises(UserError, match=re.escape(text)) as e:
        check_config(given, "sst_config.py:3")
    assert "sst_config.py:3" in str(e.value)


def test_all_that_is_wrong_comes_in_one_report() -> None:
    with pytest.raises(Problems) as e:
        check_config({"name": "a b", "removal": "x", "protect": 1, "colour": "red"})
    assert len(e.value.errors) == 4


@pytest.mark.parametrize("value", [None, 3, "a", ["a"]])
def test_another_kind_of_answer_is_refused(value: object) -> None:
    with pytest.raises(UserError, match="config\\(\\) returned"):
        check_config(value)


def test_a_misspelt_option_of_config_itself() -> None:
    with pytest.raises(UserError, match='did you mean "protect"'):
        sst.Config(name="a", protct=True)  # type: ignore[call-arg]  # the mistake under test
    with pytest.raises(UserError, match="by name"):
        sst.Config("a")  # type: ignore[misc]  # the mistake under test


@pytest.mark.parametrize(("wanted", "have", "fits"), [
    (">=0.1", "0.1.0", True), (">=0.1,<1", "0.9.2", True), (">=0.1,<1", "1.0.0", False), ("0.3", "0.3.7", True),
    ("0.3", "0.4.0", False),
    ("~=0.3", "0.9.0", True), ("~=0.3.1", "0.3.0", False), ("!=0.3.1", "0.3.1", False), ("==0.3.1", "0.3.1", True),
    (">0.3", "0.3.0", False),
    ("<=0.3", "0.3.0", True), (None, "9", True),
])
def test_versions(wanted: str | None, have: str, fits: bool) -> None:
    if fits:
        check_version(wanted, have)
    else:
        with pytest.raises(UserError, match="asks for version"):
            check_version(wanted, have)
