# SPDX-License-Identifier: Apache-2.0
"""Tests of how the parts of a guest are named and checked."""

import gzip
from pathlib import Path

import pytest

from .preparation import (
    CHANCE,
    HERE,
    PreparationFailed,
    key_of,
    leave_chance_out,
    lost_options,
    package_version,
)


def test_key_changes_with_every_part() -> None:
    """Another fragment or another source makes another kernel."""
    assert key_of("a", "b") == key_of("a", "b")
    assert (
        len({key_of("a", "b"), key_of("a", "c"), key_of("c", "b"), key_of("ab")}) == 4
    )


def test_option_that_the_kernel_dropped_is_noticed() -> None:
    """An option that is gone or has another value is named."""
    had = "CONFIG_BT=y\n# CONFIG_UHID is not set\nCONFIG_NET=m\n"

    assert lost_options("CONFIG_BT=y\nCONFIG_UHID=y\nCONFIG_NET=y\n", had) == [
        "CONFIG_UHID=y",
        "CONFIG_NET=y",
    ]


def test_comments_and_refusals_are_not_wanted_options() -> None:
    """What a fragment only says about itself is not looked for."""
    assert lost_options("# a comment\n# CONFIG_BLOCK is not set\n", "") == []


def test_fragment_wants_the_virtual_clock_and_the_virtual_controller() -> None:
    """Without these two options nothing of this works."""
    fragment = (HERE / "kernel.config").read_text().splitlines()

    assert "CONFIG_UML_TIME_TRAVEL_SUPPORT=y" in fragment
    assert "CONFIG_BT_HCIVHCI=y" in fragment


def test_version_is_read_from_the_changelog(tmp_path: Path) -> None:
    """The first entry of a Debian changelog is the version that was unpacked."""
    folder = tmp_path / "usr/share/doc/bluez"
    folder.mkdir(parents=True)
    with gzip.open(folder / "changelog.Debian.gz", "wt") as file:
        file.write("bluez (5.87-5) unstable; urgency=medium\n\nbluez (5.86-1) sid\n")

    assert package_version(tmp_path, "bluez") == "5.87-5"


def _kernel_source(folder: Path, text: str) -> Path:
    file = folder / CHANCE[0]
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return file


def test_chance_is_left_out_of_the_kernel(tmp_path: Path) -> None:
    """The one place where it comes in is another one afterwards."""
    file = _kernel_source(tmp_path, f"mix({CHANCE[1]});\n")

    leave_chance_out(tmp_path)

    assert file.read_text() == f"mix({CHANCE[2]});\n"


@pytest.mark.parametrize("text", ["mix(regs);", f"mix({CHANCE[1]}, {CHANCE[1]});"])
def test_kernel_that_takes_chance_in_elsewhere_is_noticed(
    tmp_path: Path, text: str
) -> None:
    """A source in which that place is not found once is not built as if it were."""
    _kernel_source(tmp_path, text)

    with pytest.raises(PreparationFailed, match=r"random\.c"):
        leave_chance_out(tmp_path)
