# SPDX-License-Identifier: Apache-2.0
"""Text from the air in what Home Assistant shows as Markdown: names, models, reasons."""

import re
from typing import Final

LONGEST_SHOWN: Final = 300
"""Nothing that a peripheral tells of itself is longer; reasons are a sentence or two."""
LONGEST_LINE: Final = 48
"""The names of dongles and batteries have up to 20 characters."""

# What begins an image, a link, code, HTML, a table, a heading or emphasis.
_SPECIAL: Final = re.compile(r"[\\`*_\[\]<>|!#~&]|(?<=:)//|(?<=www)\.", re.IGNORECASE)


def escaped(text: str) -> str:
    """Return a text that is shown as it is, without control characters, and not too long."""
    shown = "".join(filter(str.isprintable, text))[:LONGEST_SHOWN]
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", shown)


def cut(text: str) -> str:
    """Return a name for where there is room for one line, which is no Markdown: cards, lists."""
    return text if len(text) <= LONGEST_LINE else f"{text[: LONGEST_LINE - 1]}…"
