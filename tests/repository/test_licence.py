# SPDX-License-Identifier: Apache-2.0
"""Every file says under which licence it is."""

from pathlib import PurePath
import subprocess
import tomllib

from tests.repository import ROOT

IDENTIFIER = "SPDX-License-Identifier: Apache-2.0"


def test_every_file_names_its_licence() -> None:
    """In its first lines, or in REUSE.toml where it holds no comment."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    reuse = tomllib.loads((ROOT / "REUSE.toml").read_text(encoding="utf-8"))
    (annotation,) = reuse["annotations"]
    assert annotation["SPDX-License-Identifier"] in IDENTIFIER
    patterns = annotation["path"]
    without = [
        name
        for name in filter(None, listed)
        if name != "LICENSE"
        and not any(PurePath(name).full_match(each) for each in patterns)
        and IDENTIFIER not in _beginning(name)
    ]
    assert without == []


def _beginning(name: str) -> str:
    with (ROOT / name).open(encoding="utf-8") as file:
        return file.readline() + file.readline()
