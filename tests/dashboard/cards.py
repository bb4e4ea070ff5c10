# SPDX-License-Identifier: Apache-2.0
"""What a dashboard may be made of, and what it names."""

from collections.abc import Iterator
import re
from typing import Any, Final

CARDS: Final = {
    "entities": {"entities", "grid_options"},
    "heading": {"heading", "icon", "badges", "heading_style"},
    "history-graph": {"title", "entities", "hours_to_show", "grid_options"},
    "markdown": {"text_only", "content", "grid_options", "visibility"},
    "statistic": {"entity", "name", "period", "stat_type"},
    "statistics-graph": {
        *("title", "entities", "chart_type", "period", "days_to_show", "stat_types"),
        "grid_options",
    },
    "tile": {
        *("entity", "name", "color", "state_content", "features", "features_position"),
        *("visibility", "grid_options"),
    },
}
"""The built-in cards that are used, with those of their options that are, by the frontend's own
editors."""
VIEW: Final = {"title", "path", "icon", "type", "max_columns", "sections"}
SECTION: Final = {"type", "cards", "column_span"}


def sections_of(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the sections of every view."""
    for view in dashboard["views"]:
        yield from view["sections"]


def cards_of(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every card."""
    for section in sections_of(dashboard):
        yield from section["cards"]


def entities_of(node: Any) -> Iterator[str]:
    """Yield every entity that is named anywhere, in conditions and templates too."""
    if isinstance(node, list):
        for each in node:
            yield from entities_of(each)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name == "entity":
                yield value
            elif name == "content":
                yield from re.findall(r"'(\w+\.\w+)'", value)
            else:
                yield from entities_of(value)


def check_shape(dashboard: dict[str, Any]) -> None:
    """Check that there are built-in cards only, with options that they know."""
    assert dashboard.keys() == {"title", "views"}
    paths = [view["path"] for view in dashboard["views"]]
    assert len(set(paths)) == len(paths)
    for view in dashboard["views"]:
        assert view.keys() == VIEW
        assert view["type"] == "sections"
    for section in sections_of(dashboard):
        assert section.keys() <= SECTION
        assert section["type"] == "grid"
        assert [card["type"] for card in section["cards"]] != ["heading"]
    for card in cards_of(dashboard):
        assert card.keys() - {"type"} <= CARDS[card["type"]]
