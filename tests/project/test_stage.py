from pathlib import Path

import pytest

from sst.errors import UserError
from sst.project.stage import check_stage, choose_stage


def test_the_flag_wins_over_the_environment_and_the_file(tmp_path: Path) -> None:
    (tmp_path / ".sst").mkdir()
    (tmp_path / ".sst/stage").write_text("mine\n")
    assert choose_stage("a", {"SST_STAGE": "b"}, tmp_path) == "a"
    assert choose_stage(None, {"SST_STAGE": "b"}, tmp_path) == "b"
    assert choose_stage(None, {}, tmp_path) == "mine"


def test_without_a_stage_and_a_terminal_it_is_an_error_and_no_name_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no stage is named") as e:
        choose_stage(None, {"USER": "jane", "LOGNAME": "jane"}, tmp_path)
    assert "--stage" in e.value.hint and "SST_STAGE" in e.value.hint


def test_what_was_answered_is_remembered(tmp_path: Path) -> None:
    assert choose_stage(None, {}, tmp_path, lambda: "local") == "local"
    assert choose_stage(None, {}, tmp_path) == "local"


@pytest.mark.parametrize("name", ["a", "Prod", "pr-12", "x" * 40])
def test_names_that_are_fine(name: str) -> None:
    assert check_stage(name, "--stage") == name


@pytest.mark.parametrize(("name", "text"), [
    ("", "empty"), ("1a", "starts with a letter"), ("-a", "starts with a letter"), ("a_b", '"a-b" would do'),
    ("a/b", '"a-b" would do'),
    ("../x", '"x" would do'), ("ä", "letters, digits"), ("x" * 41, "40 is the limit"), ("a\n", '"a" would do'),
])
def test_names_that_are_refused_say_why(name: str, text: str) -> None:
    with pytest.raises(UserError) as e:
        check_stage(name, "--stage")
    assert text in str(e.value) and "--stage" in str(e.value)
