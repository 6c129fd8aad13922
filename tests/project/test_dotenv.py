from pathlib import Path

import pytest

from sst.errors import UserError
from sst.project.dotenv import merge, parse


@pytest.mark.parametrize(("text", "value"), [
    ("A=1", "1"), ("A =  1  ", "1"), ("export A=1", "1"), ("A=", ""), ("A=x # note", "x"), ("A=x#y", "x#y"),
    ("A=# note", ""),
    ('A="x # y"', "x # y"), (r'A="a\nb\t\"c\" \\ \$d \q"', 'a\nb\t"c" \\ $d \\q'), (r"A='a\n$b'", r"a\n$b"),
    ('A="two\nlines"', "two\nlines"),
    ("A=$HOME", "$HOME"), ("A=b=c", "b=c"), ("\ufeffA=1\r\n", "1"), ("# c\n\n  \nA=1", "1"), ('A="x"   # note', "x"),
    ("A=https://x.y/?a=b#c", "https://x.y/?a=b#c"),
])
def test_values(text: str, value: str) -> None:
    assert parse(text) == {"A": value}


@pytest.mark.parametrize(("text", "message"), [
    ("A=1\nnonsense-hunter2", ".env:2"), ('A="hunter2', "no closing"), ("A='hunter2'x", "after the closing"),
    ("1A=hunter2", "KEY=value"),
])
def test_a_bad_line_is_named_and_its_value_never_shown(text: str, message: str) -> None:
    with pytest.raises(UserError) as e:
        parse(text)
    assert message in str(e.value) and "hunter2" not in str(e.value)


def test_the_real_environment_wins_then_the_stages_file_then_the_shared_one(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=shared\nB=shared\nC=shared\n")
    (tmp_path / ".env.prod").write_text("A=prod\nB=prod\n")
    assert merge({"A": "real"}, tmp_path, "prod") == {"A": "real", "B": "prod", "C": "shared"}
    assert merge({}, tmp_path, "dev") == {"A": "shared", "B": "shared", "C": "shared"}


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe")
    with pytest.raises(UserError, match="not UTF-8"):
        merge({}, tmp_path)
