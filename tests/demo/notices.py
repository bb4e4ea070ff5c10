# SPDX-License-Identifier: Apache-2.0
"""What Home Assistant tells of the host of the demo, which is emulated."""

from typing import Final

from .client import HomeAssistantClient

_OF_THE_HOST: Final = "bluetooth"


async def hide_what_is_not_ours(client: HomeAssistantClient) -> None:
    """Ignore Home Assistant's own notices about the host's Bluetooth, such as its permissions.

    Who opens the demo can do nothing about them, and they say nothing of the emulated adapter.
    """
    issues = (await client.command("repairs/list_issues"))["issues"]
    for issue in issues:
        if issue["domain"] == _OF_THE_HOST and not issue["ignored"]:
            await client.command(
                "repairs/ignore_issue",
                domain=issue["domain"],
                issue_id=issue["issue_id"],
                ignore=True,
            )
