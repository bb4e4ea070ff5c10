# SPDX-License-Identifier: Apache-2.0
"""Why a link cannot be read: told by kinds of errors and by what is heard, in the user's words."""

from bleak.exc import BleakDBusError, BleakError
from bleak_retry_connector import BleakOutOfConnectionSlotsError
import pytest

from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.links.connection import LinkNotSeen
from custom_components.renogy_bt.links.reasons import (
    LONGEST_UNHEARD,
    LinkReason,
    async_in_words,
    async_load_words,
    async_reason_of,
)
from custom_components.renogy_bt.renogy.exceptions import (
    LinkClosed,
    LinkLost,
    LinkSilent,
    LinkUnreachable,
    RenogyError,
)
from custom_components.renogy_bt.renogy.gatt import OfferedCharacteristic
from custom_components.renogy_bt.supervisor.poll_gate import ConnectingBrokenOff
from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.fake_air import DONGLE, FakeAir
from tests.renogy.fake_link import four_batteries
from tests.translation_check import PACKAGE

ENGLISH_OF_OTHERS = "le-connection-abort-by-local"


def unreachable(cause: BaseException | None = None) -> LinkUnreachable:
    """Return what connecting raises, with another library's words."""
    error = LinkUnreachable(ENGLISH_OF_OTHERS)
    error.__cause__ = cause
    return error


OFFERED = OfferedCharacteristic(service="180f", uuid="2a19", properties=("read",))
DENIED = BleakDBusError("org.freedesktop.DBus.Error.AccessDenied", ["no"])


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (LinkClosed("closed"), LinkReason.CLOSED),
        (LinkSilent("no battery answers"), LinkReason.SILENT),
        (LinkLost("ended"), LinkReason.LOST),
        (unreachable(), LinkReason.REFUSED),
        (unreachable(BleakError("abort")), LinkReason.REFUSED),
        (unreachable(TimeoutError()), LinkReason.TIMED_OUT),
        (unreachable(DENIED), LinkReason.DENIED),
        (unreachable(BleakOutOfConnectionSlotsError("full")), LinkReason.NO_SLOT),
        (unreachable(ConnectingBrokenOff()), LinkReason.BEING_REPAIRED),
        (LinkUnreachable("no ffd1", (OFFERED,)), LinkReason.OTHER_SERVICES),
    ],
)
async def test_link_that_is_heard(
    hass: HomeAssistant, air: FakeAir, error: RenogyError, expected: LinkReason
) -> None:
    """The kind of the error tells what happened to a link in range."""
    air.bring(four_batteries())
    assert async_reason_of(hass, DONGLE, error) is expected


async def test_link_that_was_heard_some_time_ago(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Home Assistant still knows a way to it, but it is not said to be in range any more."""
    air.bring(four_batteries())
    heard = bluetooth.async_last_service_info(hass, DONGLE, connectable=True)
    assert heard is not None
    for age, expected in (
        (LONGEST_UNHEARD - 1, LinkReason.REFUSED),
        (LONGEST_UNHEARD + 1, LinkReason.NOT_HEARD),
    ):
        monkeypatch.setattr(
            bluetooth, "MONOTONIC_TIME", lambda age=age: heard.time + age
        )
        assert async_reason_of(hass, DONGLE, unreachable(BleakError())) is expected


async def test_link_that_is_not_heard(hass: HomeAssistant, air: FakeAir) -> None:
    """Who is heard by nobody, or only by who does not connect, is told apart."""
    error = LinkNotSeen("unknown (never seen by any scanner)")
    assert async_reason_of(hass, DONGLE, error) is LinkReason.NOT_HEARD
    air.links[DONGLE] = four_batteries()
    air.advertise(connectable=False)
    assert async_reason_of(hass, DONGLE, error) is LinkReason.NOT_CONNECTABLE


async def test_no_scanner(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an adapter or proxy the link is not to blame."""
    air.bring(four_batteries())
    monkeypatch.setattr(bluetooth, "async_scanner_count", lambda *_, **__: 0)
    assert async_reason_of(hass, DONGLE, unreachable()) is LinkReason.NO_SCANNER


@pytest.mark.parametrize(
    "language", sorted(path.stem for path in (PACKAGE / "translations").glob("*.json"))
)
async def test_each_reason_is_a_sentence_in_the_language_of_the_user(
    hass: HomeAssistant, air: FakeAir, language: str
) -> None:
    """Each reason is a sentence in the user's language; none has another library's English."""
    hass.config.language = language
    assert await async_setup_component(hass, DOMAIN, {})
    await async_load_words(hass)
    words = {reason: async_in_words(hass, reason) for reason in LinkReason}
    assert len(set(words.values())) == len(LinkReason)
    for reason, told in words.items():
        assert told.endswith("."), reason
        assert ENGLISH_OF_OTHERS not in told
