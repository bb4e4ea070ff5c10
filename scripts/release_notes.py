# SPDX-License-Identifier: Apache-2.0
"""Print what the changelog says of a version, where everything names that version.

Usage: python3 scripts/release_notes.py VERSION

For the release workflow: exits with a reason on stderr, and 1, when the integration's
manifest has another version or the changelog has no dated section for it.
"""

import json
from pathlib import Path
import re
import sys

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = ROOT / "custom_components" / "renogy_bt" / "manifest.json"
CHANGELOG = ROOT / "CHANGELOG.md"


def section_of(changelog: str, version: str) -> str | None:
    """Return the text below a version's heading, `## [1.2.3] - 2026-01-31`, or None."""
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d{{2}}-\d{{2}}$"
    below = rf"{heading}(.*?)(?=^## \[|^\[[^\]]+\]: |\Z)"
    found = re.search(below, changelog, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else None


def main(version: str) -> str:
    """Return the notes of a version; the reason as SystemExit where there is no release of it."""
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))["version"]
    if manifest != version:
        sys.exit(f"The manifest says {manifest}, not {version}")
    notes = section_of(CHANGELOG.read_text(encoding="utf-8"), version)
    if not notes:
        sys.exit(f"CHANGELOG.md has no dated section for {version}")
    return notes


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.stdout.write(f"{main(sys.argv[1])}\n")
