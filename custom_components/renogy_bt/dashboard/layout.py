# SPDX-License-Identifier: Apache-2.0
"""Which cards a dashboard has: from what the registries say to what the frontend shows.

Only entities that are there and enabled are named; a card without its entity is left out, and so
is a section without cards. Names are those of the registries at the time they are shown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

type Card = dict[str, Any]
type Words = Mapping[str, str]
"""Texts in the language of the dashboard, by their key."""

WORDS: Final = (
    *("banks", "batteries", "charged_today", "details", "discharged_today"),
    *("energy_per_day", "history", "no_values", "read_ago"),
)
SENSOR_NAMES: Final = (
    *("cell_voltage_spread", "energy_charged", "energy_discharged", "power"),
    "state_of_charge",
)

# What a device is called, and what an entity is called, as the frontend knows it by then.
_DEVICE_NAME: Final[Card] = {"type": "device"}
_ENTITY_NAME: Final[Card] = {"type": "entity"}
_FULL_WIDTH: Final[Card] = {"grid_options": {"columns": "full"}}
_HALF_OF_HISTORY: Final[Card] = {"grid_options": {"columns": 18}}
_BAR: Final[Card] = {
    "features": [{"type": "bar-gauge"}],
    "features_position": "bottom",
}
_TREND: Final[Card] = {
    "features": [{"type": "trend-graph", "hours_to_show": 1}],
    "features_position": "bottom",
}
_WARNING: Final[Card] = {"color": "red", **_FULL_WIDTH}
_ON: Final[Card] = {"state": "on"}
_KNOWN: Final[Card] = {"state_not": ["unknown", "unavailable"]}

# Names may come from the air: nothing in them begins an image or a link of the card's Markdown.
_AS_TEXT: Final = r"""regex_replace("([!-'*-,./:-@\\[-`{-~])", "\\\\\\1")"""

_DETAILS: Final = (
    *("state_of_charge_spread", "cell_voltage_spread", "cell_voltage_min"),
    *("cell_voltage_max", "temperature", "temperature_min", "temperature_max"),
    *("total_capacity", "time_since_full_charge", "cycles"),
    *("deepest_discharge", "charge_drawn"),
)


@dataclass(frozen=True, slots=True)
class Device:
    """A device, with its entities by their domain and key: `sensor.voltage`, for instance."""

    name: str
    entities: Mapping[str, str] = field(default_factory=dict)

    def find(self, key: str) -> list[str]:
        """Return the entity with this key, or none."""
        entity = self.entities.get(key)
        return [] if entity is None else [entity]


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank, its batteries in the order of their places, and its links."""

    device: Device
    batteries: tuple[Device, ...]
    links: tuple[Device, ...] = ()

    @property
    def whole(self) -> Device:
        """What tells of the bank as a whole: its only battery tells what the bank does not."""
        if len(self.batteries) != 1:
            return self.device
        (battery,) = self.batteries
        return Device(self.device.name, {**battery.entities, **self.device.entities})


def dashboard(
    banks: Iterable[Bank], adapters: Iterable[Device], words: Words
) -> dict[str, Any]:
    """Return a dashboard with a view for each bank."""
    adapters = tuple(adapters)
    views = [
        _view(number, bank, adapters, words) for number, bank in enumerate(banks, 1)
    ]
    title = views[0]["title"] if len(views) == 1 else words["banks"]
    return {"title": title, "views": views}


def _view(
    number: int, bank: Bank, adapters: tuple[Device, ...], words: Words
) -> dict[str, Any]:
    is_several = len(bank.batteries) > 1
    sections = (
        _section(
            _heading(bank.device.name, "mdi:home-battery", _bank_badges(bank.whole)),
            [*_age(bank.batteries, words), *_bank_cards(bank.whole, words)],
        ),
        _section(
            _heading(words["batteries"], "mdi:car-battery"),
            [card for each in bank.batteries for card in _battery_cards(each)]
            if is_several
            else [],
        ),
        _section(
            _heading(words["details"], "mdi:battery-heart-variant"),
            [
                *(card for each in bank.batteries for card in _alarm_cards(each)),
                *_detail_cards(bank.whole),
                *_bluetooth_cards(bank.links, adapters),
            ],
        ),
        _section(
            _heading(words["history"], "mdi:chart-line"),
            _history_cards(bank, words),
            column_span=3,
        ),
    )
    return {
        "title": bank.device.name,
        "path": f"bank-{number}",
        "icon": "mdi:home-battery",
        "type": "sections",
        "max_columns": 3,
        "sections": [section for section in sections if section],
    }


def _section(heading: Card, cards: list[Card], **options: Any) -> dict[str, Any]:
    """Return a section, empty where there is nothing to show."""
    return {"type": "grid", **options, "cards": [heading, *cards]} if cards else {}


def _heading(text: str, icon: str, badges: list[Card] | None = None) -> Card:
    heading = {"type": "heading", "heading": text, "icon": icon}
    return {**heading, "badges": badges} if badges else heading


def _tiles(
    device: Device, key: str, shown: Card | None = None, **options: Any
) -> list[Card]:
    """Return the tile of an entity; `shown` is the state in which it is seen."""
    return [
        {"type": "tile", "entity": entity, "name": _ENTITY_NAME, **options}
        | _visibility(entity, shown)
        for entity in device.find(key)
    ]


def _badges(device: Device, key: str, shown: Card | None = None) -> list[Card]:
    return [
        {"type": "entity", "entity": entity, **_visibility(entity, shown)}
        for entity in device.find(key)
    ]


def _visibility(entity: str, shown: Card | None) -> Card:
    if shown is None:
        return {}
    return {"visibility": [{"condition": "state", "entity": entity, **shown}]}


def _bank_badges(whole: Device) -> list[Card]:
    return [
        *_badges(whole, "sensor.batteries_responding"),
        *_badges(whole, "binary_sensor.problem"),
    ]


def _age(batteries: tuple[Device, ...], words: Words) -> list[Card]:
    """Return how old the values are, by when each battery's voltage was told last."""
    read = [entity for each in batteries for entity in each.find("sensor.voltage")]
    if not read:
        return []
    minutes = "{{ ((now() - read | min).total_seconds() / 60) | int }}"
    content = (
        f"{{% set ids = {read} %}}"
        "{% set read = expand(ids | select('has_value') | list)"
        " | map(attribute='last_reported') | list %}"
        "{% if read %}" + words["read_ago"].format(minutes=minutes) + "{% endif %}"
        "{% for id in ids | reject('has_value') %}\n\n"
        + words["no_values"].format(
            battery=f"**{{{{ device_name(id) | {_AS_TEXT} }}}}**"
        )
        + "{% endfor %}"
    )
    return [{"type": "markdown", "text_only": True, "content": content, **_FULL_WIDTH}]


def _bank_cards(whole: Device, words: Words) -> list[Card]:
    times = ("time_to_full", "time_to_empty", "time_to_reserve")
    return [
        *_tiles(whole, "sensor.state_of_charge", **_BAR, **_FULL_WIDTH),
        *_tiles(whole, "sensor.power", **_TREND, **_FULL_WIDTH),
        *_tiles(whole, "sensor.voltage"),
        *_tiles(whole, "sensor.current"),
        *(
            card
            for key in times
            for card in _tiles(whole, f"sensor.{key}", _KNOWN, **_FULL_WIDTH)
        ),
        *_today(whole, "sensor.energy_charged", words["charged_today"]),
        *_today(whole, "sensor.energy_discharged", words["discharged_today"]),
        *_tiles(whole, "binary_sensor.reserve_reached", _ON, **_WARNING),
    ]


def _today(whole: Device, key: str, name: str) -> list[Card]:
    return [
        {
            "type": "statistic",
            "entity": entity,
            "name": name,
            "period": {"calendar": {"period": "day"}},
            "stat_type": "change",
        }
        for entity in whole.find(key)
    ]


def _battery_cards(battery: Device) -> list[Card]:
    cards = [
        *_tiles(battery, "sensor.state_of_charge", **_BAR),
        *_tiles(battery, "sensor.current", **_TREND),
    ]
    badges = [
        *_badges(battery, "sensor.temperature"),
        *_badges(battery, "binary_sensor.problem", _ON),
    ]
    if not cards and not badges:
        return []
    heading = _heading(battery.name, "mdi:car-battery", badges)
    return [{**heading, "heading_style": "subtitle"}, *cards]


def _detail_cards(whole: Device) -> list[Card]:
    rows = [
        {"entity": entity, "name": _ENTITY_NAME}
        for key in _DETAILS
        for entity in whole.find(f"sensor.{key}")
    ]
    return [{"type": "entities", "entities": rows, **_FULL_WIDTH}] if rows else []


def _alarm_cards(battery: Device) -> list[Card]:
    """Return the alarms of a battery in words, seen while it has one."""
    return [
        {
            "type": "markdown",
            "text_only": True,
            "content": (
                f'<ha-alert alert-type="error" title="{{{{ device_name(\'{alarms}\') | e }}}}">'
                f"{{{{ (state_attr('{alarms}', 'described') or []) | join('<br>') }}}}"
                "</ha-alert>"
            ),
            **_visibility(problem, _ON),
            **_FULL_WIDTH,
        }
        for alarms in battery.find("sensor.alarms")
        for problem in battery.find("binary_sensor.problem")
    ]


def _bluetooth_cards(links: Iterable[Device], adapters: Iterable[Device]) -> list[Card]:
    cards = [
        *(card for each in adapters for card in _adapter_cards(each)),
        *(card for each in links for card in _link_cards(each)),
    ]
    return [_heading("Bluetooth", "mdi:bluetooth"), *cards] if cards else []


def _adapter_cards(adapter: Device) -> list[Card]:
    return [
        *_tiles(adapter, "sensor.adapter_state", name=_DEVICE_NAME, **_FULL_WIDTH),
        *_tiles(
            adapter,
            "event.adapter_recovery",
            _KNOWN,
            state_content=["state", "event_type"],
            **_FULL_WIDTH,
        ),
    ]


def _link_cards(link: Device) -> list[Card]:
    """Return the switch that leaves a link to the owner's app, and a warning."""
    name = [_DEVICE_NAME, _ENTITY_NAME]
    return [
        *_tiles(link, "switch.polling", name=name, **_FULL_WIDTH),
        *_tiles(link, "binary_sensor.weak_signal", _ON, name=name, **_WARNING),
    ]


def _history_cards(bank: Bank, words: Words) -> list[Card]:
    whole = bank.whole
    return [
        *_graph(
            "history-graph",
            words["power"],
            [(entity, whole.name) for entity in whole.find("sensor.power")],
            hours_to_show=24,
        ),
        *_graph(
            "history-graph",
            words["state_of_charge"],
            [
                (entity, each.name)
                for each in bank.batteries
                for entity in each.find("sensor.state_of_charge")
            ],
            hours_to_show=24,
        ),
        *_graph(
            "statistics-graph",
            words["cell_voltage_spread"],
            [
                (entity, whole.name)
                for entity in whole.find("sensor.cell_voltage_spread")
            ],
            chart_type="line",
            period="hour",
            days_to_show=2,
            stat_types=["max", "mean"],
        ),
        *_graph(
            "statistics-graph",
            words["energy_per_day"],
            [
                (entity, words[key])
                for key in ("energy_charged", "energy_discharged")
                for entity in whole.find(f"sensor.{key}")
            ],
            chart_type="bar",
            period="day",
            days_to_show=7,
            stat_types=["change"],
        ),
    ]


def _graph(
    kind: str, title: str, lines: Iterable[tuple[str, str]], **options: Any
) -> list[Card]:
    entities = [{"entity": entity, "name": name} for entity, name in lines]
    if not entities:
        return []
    return [
        {
            "type": kind,
            "title": title,
            "entities": entities,
            **options,
            **_HALF_OF_HISTORY,
        }
    ]
