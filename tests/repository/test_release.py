# SPDX-License-Identifier: Apache-2.0
"""What is released: the zip that scripts/pack makes."""

import hashlib
import os
from pathlib import Path
import subprocess
from zipfile import ZipFile

from tests.repository import INTEGRATION, ROOT

PACK = ROOT / "scripts" / "pack"


def test_zip_is_the_committed_integration_and_its_licence(tmp_path: Path) -> None:
    """Nothing else is in it: no byte code, nothing that is not committed."""
    subprocess.run([PACK, tmp_path], check=True)
    committed = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", "HEAD", f"{INTEGRATION}/"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    prefix = f"{INTEGRATION.relative_to(ROOT)}/"
    with ZipFile(tmp_path / "renogy_bt.zip") as packed:
        files = {name for name in packed.namelist() if not name.endswith("/")}
        assert files == {
            "LICENSE",
            *(name.removeprefix(prefix) for name in committed),
        }
        assert b"Apache License" in packed.read("LICENSE")


def test_the_same_commit_gives_the_same_bytes(tmp_path: Path) -> None:
    """So anybody can make the zip anew and compare; the sum beside it is that of the zip."""
    sums = []
    for zone in ("UTC", "Asia/Tokyo"):
        folder = tmp_path / zone.replace("/", "_")
        folder.mkdir()
        subprocess.run(
            [PACK, folder], check=True, env={"TZ": zone, "PATH": os.environ["PATH"]}
        )
        told = (folder / "renogy_bt.zip.sha256").read_text(encoding="utf-8").split()
        real = hashlib.sha256((folder / "renogy_bt.zip").read_bytes()).hexdigest()
        assert told == [real, "renogy_bt.zip"]
        sums.append(real)
    assert sums[0] == sums[1]
