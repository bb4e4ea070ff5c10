# SPDX-License-Identifier: Apache-2.0
"""Links that tell their name only in a scan response, or never, over the real stack."""

from collections.abc import AsyncGenerator

import pytest

from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.links.settings import LinkSettings, links_of
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from tests.banks import battery_state, settle
from tests.emulator import EmulatedWorld, Link, Unit, World
from tests.emulator.esphome_proxy import EspHomeProxy
from tests.emulator.world import NameIn
from tests.flows.walk import Flow
from tests.renogy.family_cases import single_battery

from .conftest import FAST
from .integration import discovery_of, until
from .proxy import heard_by_proxy, proxy_of

pytestmark = pytest.mark.usefixtures("integration", "translated_flows")

NAME = "RNGRBP1200000001"
ADDRESS = "4C:E1:74:00:00:01"
FAR = -85


@pytest.fixture
def name_in() -> NameIn:
    """Return where the link tells its name."""
    return NameIn.SCAN_RESPONSE


@pytest.fixture
def model() -> str | None:
    """Return the model that the battery tells."""
    return None


@pytest.fixture
def world(name_in: NameIn, model: str | None) -> World:
    """Return a world with one Battery Pro, which counts 0.1 A."""
    battery = single_battery(model, 123)
    unit = Unit(
        unit_id=48,
        registers=battery.registers,
        readable=((5000, 5052), (5100, 5141), (5200, 5229)),
    )
    link = Link(name=NAME, address=ADDRESS, units={48: unit}, name_in=name_in)
    return World(links=(link,), advertising_interval=0.1).with_timing(FAST)


@pytest.fixture(autouse=True)
def name_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a name as long as this air takes to tell it."""
    monkeypatch.setattr(
        "custom_components.renogy_bt.links.discovery.NAME_SEARCH_SECONDS", 2
    )


@pytest.fixture
async def proxy(
    hass: HomeAssistant, emulated_world: EmulatedWorld, integration: None
) -> AsyncGenerator[EspHomeProxy]:
    """Return a proxy that Home Assistant knows."""
    async with proxy_of(hass, emulated_world) as proxy:
        yield proxy


async def set_up(hass: HomeAssistant, name: str) -> LinkSettings:
    """Confirm the discovery of the link, which is shown by this name; return what is stored."""
    flow = await Flow(hass, hass.config_entries.flow).take_up(
        await discovery_of(hass, ADDRESS)
    )
    assert flow.expect_form("bluetooth_confirm")["name"] == name
    await flow.submit()
    flow.expect_form("found")
    await flow.submit(wiring="parallel")
    entry: ConfigEntry = flow.expect_entry()["result"]
    await settle(hass)
    (link,) = links_of(entry).values()
    return link


async def test_name_in_the_scan_response(hass: HomeAssistant) -> None:
    """A passive scan hears no name; the flow has Home Assistant ask for it."""
    link = await set_up(hass, NAME)
    assert (link.name, link.family_key) == (NAME, "pro")
    assert battery_state(hass, "current", address=ADDRESS).state == "12.3"


@pytest.mark.parametrize("name_in", [NameIn.NEVER])
@pytest.mark.parametrize(
    ("model", "family"),
    [
        pytest.param("RBT12200LFP-BT", "pro", id="tells its model"),
        pytest.param(None, "undecided", id="tells nothing"),
    ],
)
async def test_name_never(hass: HomeAssistant, family: str) -> None:
    """What the battery shows decides, and not the services that BlueZ has of its connection."""
    link = await set_up(hass, ADDRESS)
    assert (link.name, link.family_key) == (ADDRESS, family)
    if family == "pro":
        assert battery_state(hass, "current", address=ADDRESS).state == "12.3"


@pytest.mark.parametrize("scanner_mode", ["passive"])
@pytest.mark.parametrize("is_heard", [True, False])
async def test_proxy_that_hears_the_name(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    proxy: EspHomeProxy,
    is_heard: bool,
) -> None:
    """An adapter that only listens learns the name from a proxy that asks."""
    if is_heard:
        await heard_by_proxy(hass, proxy, ADDRESS, FAR)
    link = await set_up(hass, NAME if is_heard else ADDRESS)
    assert link.family_key == ("pro" if is_heard else "undecided")
    if not is_heard:
        (entry,) = hass.config_entries.async_entries(DOMAIN)
        await heard_by_proxy(hass, proxy, ADDRESS, FAR)
        await until(lambda: [each.name for each in links_of(entry).values()] == [NAME])
        await settle(hass)
        (link,) = links_of(entry).values()
        assert link.family_key == "pro"
        assert battery_state(hass, "current", address=ADDRESS).state == "12.3"
