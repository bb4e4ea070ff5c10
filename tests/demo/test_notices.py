# SPDX-License-Identifier: Apache-2.0
"""Tests of which notices the demo hides: those of the host, none of the integration."""

from pathlib import Path
from typing import Any, cast

from .client import HomeAssistantClient
from .home_assistant import BLUEPRINTS, write_configuration
from .notices import hide_what_is_not_ours


class Notices:
    """A Home Assistant that shows some notices."""

    def __init__(self, *shown: tuple[str, str, bool]) -> None:
        """Show these: domain, id, and whether the notice is ignored."""
        self.shown = shown
        self.ignored: list[str] = []

    async def command(self, command: str, **fields: Any) -> Any:
        """List the notices, or ignore one."""
        if command == "repairs/list_issues":
            names = ("domain", "issue_id", "ignored")
            return {
                "issues": [dict(zip(names, each, strict=True)) for each in self.shown]
            }
        assert command == "repairs/ignore_issue"
        assert fields["ignore"] is True
        self.ignored.append(fields["issue_id"])
        return None


async def test_notices_of_the_host_are_hidden() -> None:
    """What the integration tells greets who opens the demo, and nothing else does."""
    client = Notices(
        ("bluetooth", "bluetooth_adapter_missing_permissions_hci0", False),
        ("bluetooth", "ignored_before", True),
        ("renogy_bt", "adapter_silent", False),
    )
    await hide_what_is_not_ours(cast(HomeAssistantClient, client))
    assert client.ignored == ["bluetooth_adapter_missing_permissions_hci0"]


def test_blueprints_are_there(tmp_path: Path) -> None:
    """An automation can be made of each of them, and runs; what was made is kept."""
    write_configuration(tmp_path, 8123)
    folder = tmp_path / "blueprints" / "automation"
    # As Home Assistant looks for them.
    assert {each.name for each in folder.glob("**/*.yaml")} == {
        each.name for each in BLUEPRINTS.glob("*.yaml")
    }
    assert (
        "automation: !include automations.yaml"
        in (tmp_path / "configuration.yaml").read_text()
    )
    automations = tmp_path / "automations.yaml"
    assert automations.read_text() == "[]\n"
    automations.write_text("- id: mine\n")
    write_configuration(tmp_path, 8124)
    assert automations.read_text() == "- id: mine\n"
