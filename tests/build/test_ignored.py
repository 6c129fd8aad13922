"""What ``.gitignore`` leaves out of bundles, with or without a repository, is what git would."""
from __future__ import annotations

import subprocess
from pathlib import Path

from sst.build.files import walk

from .projects import write

PATTERNS = (
    "private", "private/", "/private", "a/private", "**/private", "private/**", "a/**/x1.csv", "*/x1.csv", "x?.csv",
    "x[0-9].csv", "x[!0-9].csv", "x[[:digit:]].csv", "x[^[:alpha:]].csv", "x[]a].csv", "x[a\\]].csv", "x[a-].csv",
    "x[z-a].csv", "x[a.csv", "\\#x", "\\!x", "# x", "x\\ ", "x1.csv  ", "*.csv\n!xa.csv", "a/\n!a/x1.csv", "X1.csv")
FILES = ("private/y", "a/private/y", "x1.csv", "xa.csv", "x].csv", "x-.csv", "x[a.csv", "a/x1.csv", "a/b/x1.csv", "#x",
         "!x", "x ", "x")


def test_what_is_ignored_is_what_git_ignores(tmp_path: Path) -> None:
    for n, pattern in enumerate(PATTERNS):
        root = write(tmp_path / str(n), dict.fromkeys(FILES, ""))
        (root / ".gitignore").write_text(pattern + "\n")
        without = {f.name for f in walk(root).files}
        subprocess.run(["git", "init", "-q"], cwd=root, check=True)
        said = subprocess.run(["git", "check-ignore", "-z", "--stdin"], cwd=root, capture_output=True, text=True,
                              input="\0".join(FILES)).stdout
        assert set(FILES) - without == set(said.split("\0")) - {""}, pattern
        assert {f.name for f in walk(root).files} == without, pattern
