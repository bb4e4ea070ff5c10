# SPDX-License-Identifier: Apache-2.0
"""Which scanner serves a connection is told only where it is certain."""

from collections.abc import Mapping
from dataclasses import dataclass

from bleak_retry_connector.bluez import Allocations
import pytest

from custom_components.renogy_bt.links.connection import async_serving_scanner, serving
from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant
from tests.fake_air import DONGLE


@pytest.mark.parametrize(
    ("holding", "source"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"hci0": True}, "hci0", id="the only one"),
        pytest.param({"hci0": None}, "hci0", id="the only one, without slots"),
        pytest.param(
            {"hci0": False, "proxy": True}, "proxy", id="the one that holds it"
        ),
        pytest.param({"hci0": True, "proxy": True}, None, id="a slot left behind"),
        pytest.param({"hci0": False, "proxy": False}, None, id="news come late"),
        pytest.param({"hci0": True, "proxy": None}, None, id="one does not tell"),
        pytest.param({"hci0": False, "proxy": None}, None, id="perhaps the other"),
    ],
)
def test_one_scanner_must_hold_it_and_all_others_deny_it(
    holding: Mapping[str, bool | None], source: str | None
) -> None:
    """With several scanners one must hold the connection and all others say that they do not."""
    assert serving(holding) == source


@dataclass(frozen=True)
class Scanner:
    """What is asked of a scanner of Home Assistant's."""

    source: str
    name: str
    allocations: Allocations | None
    connectable: bool = True

    def get_allocations(self) -> Allocations | None:
        """Return the connection slots, None where they are not known."""
        return self.allocations


def slots(*allocated: str, number: int = 5) -> Allocations:
    """Return a number of connection slots of which these devices hold one each."""
    return Allocations("hci0", number, number - len(allocated), list(allocated))


@pytest.mark.parametrize(
    ("scanners", "name"),
    [
        pytest.param(
            [Scanner("A", "hci0", slots(DONGLE)), Scanner("B", "proxy", slots())],
            "hci0",
            id="slots tell",
        ),
        pytest.param(
            [Scanner("A", "hci0", slots(DONGLE)), Scanner("B", "proxy", None)],
            None,
            id="one has no slots",
        ),
        pytest.param(
            [
                Scanner("A", "hci0", slots(DONGLE)),
                Scanner("B", "proxy", slots(number=0)),
            ],
            None,
            id="one does not know its slots",
        ),
        pytest.param(
            [
                Scanner("A", "hci0", slots(DONGLE.lower())),
                Scanner("B", "listener", None, connectable=False),
            ],
            "hci0",
            id="one only listens",
        ),
    ],
)
async def test_serving_scanner(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    scanners: list[Scanner],
    name: str | None,
) -> None:
    """What the connection slots of Home Assistant's scanners leave no doubt of is told."""
    monkeypatch.setattr(bluetooth, "async_current_scanners", lambda _: scanners)
    assert async_serving_scanner(hass, DONGLE) == name
