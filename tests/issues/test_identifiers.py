# SPDX-License-Identifier: Apache-2.0
"""No notice tells who or where something is, neither by its id nor in the diagnostics."""

from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from itertools import combinations

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.renogy_bt.adapter_health.samples import Verdict
from custom_components.renogy_bt.adapter_health.troubles import Trouble
from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.issues.identifiers import (
    adapter_issue_id,
    async_prepare_marks,
    mark_of,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    device_registry as dr,
    instance_id,
    issue_registry as ir,
)
from homeassistant.setup import async_setup_component
from tests.banks import bank_entry, link_id, link_settings, next_poll, set_up
from tests.fake_air import DONGLE, DONGLE_NAME, FakeAir
from tests.fake_supervisor import (
    ADAPTER,
    OTHER_ADAPTER,
    FakeAdapters,
    adapter_issue,
    faulty_status,
)
from tests.renogy.fake_link import FakeLink, rbt50lfp48s, text_words

SERIAL, OTHER_SERIAL = "22RBH4A051020108", "22RBH4A051020199"


def spellings(address: str) -> Iterator[str]:
    """Yield how an address, or the part of it that is its own, may be written."""
    raw = bytes.fromhex(address.replace(":", ""))
    for part in (raw, raw[-4:]):
        for each in (part, part[::-1]):
            for separator in (":", "-", "_"):
                yield each.hex(separator)
            yield each.hex()


def spellings_of_text(text: str) -> Iterator[str]:
    """Yield how a text may be written."""
    for each in (text, text[::-1]):
        yield each.lower()
        yield each.encode().hex()


SECRETS = {
    *spellings(DONGLE),
    *spellings(ADAPTER),
    *spellings_of_text(SERIAL),
    *spellings_of_text(OTHER_SERIAL),
    *spellings_of_text(DONGLE_NAME),
    *spellings_of_text(DONGLE_NAME.removeprefix("BT-TH-")),
}


async def download(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, *path: str
) -> str:
    """Return a whole download of diagnostics, with what Home Assistant adds to it."""
    assert await async_setup_component(hass, "diagnostics", {})
    client = await hass_client()
    response = await client.get("/".join(["/api/diagnostics/config_entry", *path]))
    assert response.status == HTTPStatus.OK
    return (await response.text()).lower()


def told_of(text: str) -> set[str]:
    """Return which secrets a text tells."""
    return {secret for secret in SECRETS if secret.lower() in text}


@pytest.fixture
async def entry(hass: HomeAssistant, air: FakeAir) -> MockConfigEntry:
    """Return a bank whose second battery was replaced, and that is named after its dongle."""
    air.bring(
        FakeLink({48: rbt50lfp48s(serial=SERIAL), 49: rbt50lfp48s(serial=SERIAL)})
    )
    entry = bank_entry(link_settings(units=(48, 49)), title=f"Bank at {DONGLE_NAME}")
    await set_up(hass, entry)
    await next_poll(hass)
    registry = dr.async_get(hass)
    device = registry.async_get_device_by_identifier(
        (DOMAIN, f"{DONGLE.lower()}_49"), entry.entry_id
    )
    assert device is not None
    registry.async_update_device(
        device.id, name_by_user=f"{DONGLE_NAME} ({DONGLE}) {DONGLE.replace(':', '')}"
    )
    await swap(hass, air, OTHER_SERIAL, "RBT-2200012345")
    return entry


async def swap(
    hass: HomeAssistant, air: FakeAir, serial: str, model: str = "RBT50LFP48S"
) -> None:
    """Unplug the second battery and plug another one in, which has to say twice what it is."""
    units = air.links[DONGLE].units
    del units[49]
    await next_poll(hass)
    units[49] = rbt50lfp48s(serial=serial)
    units[49].put(5122, text_words(model, 8))
    await next_poll(hass)
    await next_poll(hass)


async def test_the_whole_download_tells_no_address_and_no_serial_number(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    adapters: FakeAdapters,
    hass_client: ClientSessionGenerator,
) -> None:
    """Neither raw nor reversed nor in hex, with notices about a battery, a link and an adapter."""
    adapters.show(faulty_status())
    for kind in ("link_unreachable_", "readings_refused_", "current_share_"):
        ir.async_create_issue(
            hass,
            DOMAIN,
            f"{kind}{link_id()}",
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key="link_unreachable",
        )
    text = await download(hass, hass_client, entry.entry_id)
    assert "battery_replaced" in text
    assert adapter_issue("radio") in text
    assert told_of(text) == set()
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, f"{DONGLE.lower()}_49"), entry.entry_id
    )
    assert device is not None
    text = await download(hass, hass_client, entry.entry_id, "device", device.id)
    assert told_of(text) == set()


def the_id() -> str:
    """Return the id of the notice about the battery that was replaced."""
    return f"battery_replaced_{link_id()}-49"


def the_notice(hass: HomeAssistant) -> ir.IssueEntry:
    """Return the notice about the battery that was replaced."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, the_id())
    assert issue is not None
    return issue


async def test_before_and_after_are_told_apart_by_the_last_two_digits(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """That is enough for somebody who looks at the labels."""
    told = the_notice(hass).translation_placeholders
    assert told is not None
    assert (told["serial_before"], told["serial"]) == ("…08", "…99")
    assert "2200012345" not in told["model"]


async def test_serial_numbers_that_end_alike_are_told_apart(
    hass: HomeAssistant, air: FakeAir, entry: MockConfigEntry
) -> None:
    """Where the last two digits are the same, a sign says that the rest is not."""
    await swap(hass, air, "22RBH4A051099908")
    told = the_notice(hass).translation_placeholders
    assert told is not None
    assert (told["serial_before"], told["serial"]) == ("…08", "≠ …08")
    await swap(hass, air, SERIAL)
    assert not ir.async_get(hass).async_get_issue(DOMAIN, the_id())


async def test_marks_are_stable_and_tell_nothing(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """The same in this Home Assistant, another one in any other; without its id a guess fails."""
    await async_prepare_marks(hass)
    marks = [mark_of(hass, each) for each in (SERIAL, OTHER_SERIAL, ADAPTER)]
    await async_prepare_marks(hass)
    assert [mark_of(hass, each) for each in (SERIAL, OTHER_SERIAL, ADAPTER)] == marks
    assert len(set(marks)) == len(marks)
    hass.data[instance_id.DATA_KEY] = "0" * 32
    await async_prepare_marks(hass)
    others = {mark_of(hass, each) for each in (SERIAL, OTHER_SERIAL, ADAPTER)}
    assert others.isdisjoint(marks)


async def test_each_notice_about_an_adapter_has_its_own_id(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """By the kind of trouble and the adapter; an address is spelled in any way."""
    await async_prepare_marks(hass)
    ids = [
        adapter_issue_id(hass, trouble, address)
        for trouble in Trouble
        for address in (ADAPTER, OTHER_ADAPTER)
    ]
    assert all(one != other for one, other in combinations(ids, 2))
    assert adapter_issue_id(hass, Trouble.RADIO, ADAPTER.lower()) == (
        adapter_issue("radio")
    )


def stored(issue_id: str, *, shown: bool = False) -> ir.IssueEntry:
    """Return a notice that the user ignores, as it is after a start."""
    return ir.IssueEntry(
        active=shown,
        breaks_in_ha_version=None,
        config_entry_id=None,
        created=ir.dt_util.utcnow(),
        data=None,
        dismissed_version="2026.10.4",
        domain=DOMAIN,
        is_fixable=None,
        is_persistent=False,
        issue_domain=None,
        issue_id=issue_id,
        learn_more_url=None,
        severity=None,
        translation_key=None,
        translation_placeholders=None,
    )


PLAIN = DONGLE.replace(":", "").lower()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"link_unreachable_{PLAIN}", f"link_unreachable_{link_id()}"),
        (f"link_ids_collide_{PLAIN}", f"link_ids_collide_{link_id()}"),
        (f"readings_refused_{PLAIN}-48", f"readings_refused_{link_id()}-48"),
        (f"current_share_{PLAIN}-255", f"current_share_{link_id()}-255"),
        ("adapter_radio_001a7dda7113", adapter_issue("radio")),
        # Version 0.1.0 named the verdict.
        ("adapter_silent_001a7dda7113", adapter_issue("radio")),
        ("adapter_powered_off_001a7dda7113", adapter_issue("power")),
        ("link_unreachable_609866edfc11", None),
        ("readings_refused_609866edfc11-48", None),
        ("adapter_of_old_001a7dda7113", None),
        (
            "imbalance_01M8J70YECXK97568WBKM7B854",
            "imbalance_01M8J70YECXK97568WBKM7B854",
        ),
        (f"link_unreachable_{link_id()}", f"link_unreachable_{link_id()}"),
    ],
)
async def test_notices_that_an_older_version_stored_stay_ignored(
    hass: HomeAssistant, air: FakeAir, before: str, after: str | None
) -> None:
    """They go on under another name, or go where they are about nothing that is set up."""
    registry = ir.async_get(hass)
    registry.issues[DOMAIN, before] = stored(before)
    registry.issues["other", before] = replace(stored(before), domain="other")
    entry = bank_entry(link_settings())
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, minor_version=1)
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    ours = {
        issue.issue_id: issue.dismissed_version
        for (domain, _), issue in registry.issues.items()
        if domain == DOMAIN
    }
    assert ours == ({} if after is None else {after: "2026.10.4"})
    assert ("other", before) in registry.issues


async def test_a_notice_about_an_adapter_that_is_ignored_comes_back_ignored(
    hass: HomeAssistant, air: FakeAir, adapters: FakeAdapters
) -> None:
    """Under its new name, when the fault is still there."""
    before = "adapter_powered_off_001a7dda7113"
    ir.async_get(hass).issues[DOMAIN, before] = stored(before)
    assert await async_setup_component(hass, DOMAIN, {})
    adapters.show(faulty_status(Verdict.POWERED_OFF))
    issue = ir.async_get(hass).async_get_issue(DOMAIN, adapter_issue("power"))
    assert issue is not None
    assert issue.active
    assert issue.dismissed_version is not None
