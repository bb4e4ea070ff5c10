# SPDX-License-Identifier: Apache-2.0
"""Tests of what the demo does in the integration's dialogues."""

import asyncio
from typing import Any, cast

import pytest

from .client import HomeAssistantClient
from .flows import LinkRefused, set_up_links

ADDRESS = "F0:F8:F2:00:00:21"
REPORT = '{"kind": "failed_set_up"}'
FIELD = {"name": "report", "description": {"suggested_value": REPORT}}


class Dialogue:
    """A Home Assistant that has discovered a link, and refuses it."""

    def __init__(self, *steps: dict[str, Any]) -> None:
        """Show these steps, one after the other."""
        self.steps = list(steps)
        self.answers: list[Any] = []

    async def command(self, command: str, **_: Any) -> Any:
        """Answer that one flow is in progress."""
        assert command == "config_entries/flow/progress"
        context = {"unique_id": ADDRESS}
        return [{"handler": "renogy_bt", "flow_id": "1", "context": context}]

    async def get(self, path: str) -> Any:
        """Show the first step; there are no entries."""
        return [] if "domain=" in path else self.steps.pop(0)

    async def post(self, _: str, answer: Any) -> Any:
        """Show the next step."""
        self.answers.append(answer)
        return self.steps.pop(0)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(
            [
                {"type": "form", "data_schema": [FIELD]},
                {"type": "abort", "reason": "inverter"},
            ],
            id="final",
        ),
        pytest.param(
            [
                {"type": "form", "data_schema": [{"name": "address"}]},
                {
                    "type": "form",
                    "errors": {"base": "no_answer"},
                    "data_schema": [
                        {"name": "address"},
                        {"name": "report", "type": "expandable", "schema": [FIELD]},
                    ],
                },
            ],
            id="may be tried again",
        ),
    ],
)
def test_the_report_of_a_link_that_is_refused(steps: list[dict[str, Any]]) -> None:
    """It is handed on as the dialogue offers it, folded away or not."""
    client = cast(HomeAssistantClient, Dialogue(*steps))
    with pytest.raises(LinkRefused) as refused:
        asyncio.run(set_up_links(client, {ADDRESS: []}, print))
    assert refused.value.report == REPORT


def test_a_refusal_without_a_report() -> None:
    """A device that is refused by its name was not asked anything."""
    client = cast(HomeAssistantClient, Dialogue({"type": "abort", "reason": "shunt"}))
    with pytest.raises(LinkRefused, match="shunt") as refused:
        asyncio.run(set_up_links(client, {ADDRESS: []}, print))
    assert refused.value.report == ""


def test_a_link_that_is_kept_is_set_up_so() -> None:
    """The form under Advanced says so, beside the unit ids that only the owner knows."""
    form = {"type": "form", "data_schema": [{"name": "advanced"}]}
    dialogue = Dialogue(form, {"type": "create_entry"})
    client = cast(HomeAssistantClient, dialogue)
    asyncio.run(
        set_up_links(client, {ADDRESS: [10]}, print, kept_intervals={ADDRESS: 2})
    )
    assert dialogue.answers == [
        {"advanced": {"unit_ids": "10", "connection": "kept", "kept_interval": 2}}
    ]


def test_batteries_that_cannot_be_in_parallel_are_joined_all_the_same() -> None:
    """The demo shows a world as it is, and does not choose for ever."""
    form = {"type": "form", "data_schema": [{"name": "join_anyway"}]}
    dialogue = Dialogue(form, {"type": "abort", "reason": "added_to_bank"})
    asyncio.run(set_up_links(cast(HomeAssistantClient, dialogue), {ADDRESS: []}, print))
    assert dialogue.answers == [{"join_anyway": True}]
