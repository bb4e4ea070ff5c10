# SPDX-License-Identifier: Apache-2.0
"""What may be stored of a bank after a disk or a hand has damaged it."""

from collections.abc import Mapping
from copy import deepcopy
import random
from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapter_health.ladder import RecoveryLevel
from custom_components.renogy_bt.bank.summary import Wiring
from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.links.settings import (
    LinkSettings,
    battery_labels,
    damaged_links_of,
    links_of,
)
from custom_components.renogy_bt.links.stored_data import choice_option, number_option
from tests.banks import link_settings
from tests.fake_air import DONGLE

OTHER = "60:98:66:ED:FC:11"
OTHER_NAME = "BT-TH-66EDFC11"

# As documented, not as the code has it.
RANGES = {
    "update_interval": (10, 600),
    "failed_polls": (1, 10),
    "imbalance_limit": (0, 50),
    "reserve": (0, 90),
    "full_charge_days": (0, 365),
    "silent_hours": (0, 168),
}
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 48, 49, 256, 1e300, -0.5, 10**30, float("nan")),
    *("", "x", "parallel", "48", "A" * 5000, "\x00\x1b[31m", DONGLE, OTHER, "standard"),
    *([], {}, [None], [[]], [{}], {"unit": 48}, [48], [{"unit": 48}], "rtmshunt"),
)


def good_bank() -> dict[str, Any]:
    """Return what is stored of a bank."""
    link = dict(link_settings(kept_interval=10).as_data())
    return {
        "options": {
            "wiring": "series",
            "recovery": "gentle",
            **{key: high for key, (_, high) in RANGES.items()},
        },
        "links": [
            {"data": link, "unique_id": DONGLE},
            {
                "data": dict(link_settings(OTHER, OTHER_NAME, (255,)).as_data()),
                "unique_id": OTHER,
            },
        ],
    }


def damage(chance: random.Random, place: Any) -> None:
    """Change, remove or add one thing somewhere in stored data."""
    while True:
        places = list(place if isinstance(place, dict) else range(len(place)))
        if not places:
            return
        where = chance.choice(places)
        inner = place[where]
        if not isinstance(inner, dict | list) or chance.random() < 0.2:
            break
        place = inner
    match chance.randrange(3):
        case 0:
            del place[where]
        case 1 if isinstance(place, dict):
            place[chance.choice(["new", "unit", "units", "current_scale"])] = deepcopy(
                chance.choice(ODD)
            )
        case _:
            place[where] = deepcopy(chance.choice(ODD))


def entry_of(stored: Mapping[str, Any]) -> MockConfigEntry | None:
    """Return the config entry that Home Assistant makes of stored data, None if it makes none."""
    links, options = stored.get("links"), stored.get("options")
    if not isinstance(links, list) or not isinstance(options, dict):
        return None
    subentries = [
        {
            "data": link["data"],
            "subentry_type": "link",
            "title": "A link",
            "unique_id": link.get("unique_id"),
        }
        for link in links
        if isinstance(link, dict) and isinstance(link.get("data"), dict)
    ]
    return MockConfigEntry(
        domain=DOMAIN,
        title="Battery bank",
        version=1,
        minor_version=3,
        options=options,
        subentries_data=subentries,
    )


def check(entry: MockConfigEntry) -> None:
    """Fail where something was made of stored data that cannot be."""
    links = links_of(entry)
    assert links.keys().isdisjoint(each.subentry_id for each in damaged_links_of(entry))
    assert len(links) + len(damaged_links_of(entry)) == len(entry.subentries)
    addresses = [link.address for link in links.values()]
    assert len(set(addresses)) == len(addresses)
    for link in links.values():
        assert len(bytes.fromhex(link.address.replace(":", ""))) >= 6
        assert 1 <= len(link.name) <= 248 and link.name.isprintable()
        assert link.family.refused_as is None
        assert link.units and len(set(link.units)) == len(link.units)
        for battery in link.batteries:
            assert type(battery.unit) is int
            assert 1 <= battery.unit <= 247 or battery.unit == 255
            assert type(battery.cells) is int and 0 <= battery.cells <= 16
            assert battery.model is None or 1 <= len(battery.model) <= 64
        assert link.kept_interval is None or 2 <= link.kept_interval <= 600
        assert type(link.polling) is bool
        assert LinkSettings.from_subentry(link.as_subentry()) == link
    assert len(battery_labels(links.values())) == sum(
        len(link.units) for link in links.values()
    )
    for key, (least, most) in RANGES.items():
        option = number_option(entry.options, key)
        assert type(option) is int and least <= option <= most
    assert choice_option(entry.options, "wiring", Wiring.PARALLEL) in Wiring
    assert choice_option(entry.options, "recovery", RecoveryLevel.FULL) in RecoveryLevel
