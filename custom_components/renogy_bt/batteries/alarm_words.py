# SPDX-License-Identifier: Apache-2.0
"""Alarms in words, in the language of Home Assistant: what, where, how bad, and what to do."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, override

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.translation import async_get_cached_translations

from ..const import DOMAIN
from ..renogy.models import Alarm

_NAMES: Final = f"component.{DOMAIN}.entity.event.alarm.state_attributes."
_PHRASES: Final = f"component.{DOMAIN}.selector.alarm_text.options."

_COMPARE: Final = "compare"
_ADVICE: Final[Mapping[str, str]] = {
    alarm: advice
    for advice, alarms in {
        "charge": (
            *("cell_voltage_below_limit", "cell_under_voltage", "cell_low_voltage"),
            *("module_under_voltage", "module_low_voltage"),
        ),
        "charge_less": (
            *("charge_current_above_limit", "charge_over_current"),
            "charge_over_current_2",
        ),
        "cool": (
            *("cell_temperature_above_limit", "board_temperature_above_limit"),
            *("environment_temperature_above_limit", "heater_temperature_above_limit"),
            *("charge_over_temperature", "charge_high_temperature"),
            *("discharge_over_temperature", "discharge_high_temperature"),
        ),
        "draw_less": (
            *("discharge_current_above_limit", "discharge_over_current"),
            "discharge_over_current_2",
        ),
        "short_circuit": ("short_circuit",),
        "stop_charging": (
            *("cell_voltage_above_limit", "cell_over_voltage", "cell_high_voltage"),
            *("module_over_voltage", "module_high_voltage"),
        ),
        "warm": (
            *("cell_temperature_below_limit", "board_temperature_below_limit"),
            *("environment_temperature_below_limit", "heater_temperature_below_limit"),
            *("charge_under_temperature", "charge_low_temperature"),
            *("discharge_under_temperature", "discharge_low_temperature"),
        ),
    }.items()
    for alarm in alarms
}
"""What to do, by alarm; the others are compared with what the app says."""

ADVICE: Final = (*sorted(set(_ADVICE.values())), _COMPARE)


@dataclass(frozen=True, slots=True)
class AlarmWords:
    """An alarm for people to read: its name with the cells or sensors, and what to do."""

    name: str
    severity: str
    advice: str

    @override
    def __str__(self) -> str:
        """Return everything."""
        return f"{self.name}. {self.severity}. {self.advice}"


@callback
def async_alarm_words(hass: HomeAssistant, alarm: Alarm) -> AlarmWords:
    """Return an alarm in words."""
    language = hass.config.language
    names = async_get_cached_translations(hass, language, "entity", DOMAIN)
    phrases = async_get_cached_translations(hass, language, "selector", DOMAIN)
    name = names.get(f"{_NAMES}alarm.state.{alarm.key}", alarm.key)
    if alarm.parts:
        part = "sensor" if "temperature" in alarm.key else "cell"
        name = async_with_parts(hass, name, part, alarm.parts)
    advice = _ADVICE.get(alarm.key, _COMPARE)
    return AlarmWords(
        name=name,
        severity=names.get(f"{_NAMES}severity.state.{alarm.severity}", alarm.severity),
        advice=phrases.get(f"{_PHRASES}advice_{advice}", advice),
    )


@callback
def async_with_parts(
    hass: HomeAssistant, text: str, part: str, numbers: Collection[int]
) -> str:
    """Return a text with the numbers of the cells, or of the sensors, that it is about."""
    phrases = async_get_cached_translations(
        hass, hass.config.language, "selector", DOMAIN
    )
    phrase = phrases.get(
        f"{_PHRASES}{part}{'s' if len(numbers) > 1 else ''}", "{alarm} {numbers}"
    )
    return phrase.format(alarm=text, numbers=", ".join(map(str, numbers)))


@callback
def async_over_words(hass: HomeAssistant, alarm: Alarm) -> str:
    """Return that an alarm is over, in words."""
    phrases = async_get_cached_translations(
        hass, hass.config.language, "selector", DOMAIN
    )
    name = async_alarm_words(hass, alarm).name
    return phrases.get(f"{_PHRASES}over", "{alarm}").format(alarm=name)
