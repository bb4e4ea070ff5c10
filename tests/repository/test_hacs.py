# SPDX-License-Identifier: Apache-2.0
"""What HACS asks of a repository, as far as it can be told from the files."""

import json
from pathlib import Path

from PIL import Image
import probatio
import pytest

from tests.repository import INTEGRATION, ROOT

HACS = json.loads((ROOT / "hacs.json").read_text(encoding="utf-8"))
BRAND = INTEGRATION / "brand"

SCHEMA = probatio.Schema(
    {
        probatio.Required("name"): str,
        probatio.Optional("content_in_root"): bool,
        probatio.Optional("country"): [str],
        probatio.Optional("filename"): str,
        probatio.Optional("hacs"): str,
        probatio.Optional("hide_default_branch"): bool,
        probatio.Optional("homeassistant"): probatio.Match(r"^\d{4}\.\d{1,2}\.\d+$"),
        probatio.Optional("persistent_directory"): str,
        probatio.Optional("render_readme"): bool,
        probatio.Optional("zip_release"): bool,
    }
)


def test_hacs_has_only_known_fields() -> None:
    """HACS refuses a file with a field that it does not know."""
    SCHEMA(HACS)
    manifest = json.loads((INTEGRATION / "manifest.json").read_text(encoding="utf-8"))
    assert HACS["name"] == manifest["name"]


def test_there_is_one_integration() -> None:
    """HACS installs one folder, and it must hold everything that runs."""
    folders = [
        path.name
        for path in (ROOT / "custom_components").iterdir()
        if path.is_dir() and path.name != "__pycache__"
    ]
    assert folders == [INTEGRATION.name]
    assert (ROOT / "README.md").is_file()
    assert (ROOT / "LICENSE").is_file()


@pytest.mark.parametrize("path", sorted(BRAND.iterdir()), ids=lambda path: path.name)
def test_brand_images_have_the_right_size(path: Path) -> None:
    """Icons are squares of 256 pixels, logos between 128 and 256 high; @2x is twice that."""
    name = path.name
    scale = 2 if "@2x" in name else 1
    kind = name.removesuffix(".png").removesuffix("@2x").removeprefix("dark_")
    with Image.open(path) as image:
        assert image.format == "PNG"
        if kind == "icon":
            assert image.size == (256 * scale, 256 * scale)
        else:
            assert kind == "logo"
            assert 128 * scale <= min(image.size) <= 256 * scale
            assert image.width >= image.height


@pytest.mark.parametrize("path", sorted(BRAND.iterdir()), ids=lambda path: path.name)
def test_brand_images_are_transparent_and_trimmed(path: Path) -> None:
    """There is no background, and hardly an empty margin around the drawing."""
    with Image.open(path) as image:
        alpha = image.getchannel("A")
        assert alpha.getextrema()[0] == 0
        left, top, right, bottom = alpha.getbbox() or (0, 0, 0, 0)
        margins = left, top, image.width - right, image.height - bottom
        assert max(margins) <= max(image.size) / 16


def test_brand_images_are_complete() -> None:
    """There is an icon, and each image comes in both sizes."""
    names = {path.name for path in BRAND.iterdir()}
    assert {"icon.png", "logo.png"} <= names
    single = {name for name in names if "@2x" not in name}
    assert names - single == {name.replace(".png", "@2x.png") for name in single}
