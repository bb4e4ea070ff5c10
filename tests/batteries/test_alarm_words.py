# SPDX-License-Identifier: Apache-2.0
"""Alarms in words: the same name everywhere, with cells, severity and advice."""

import pytest

from custom_components.renogy_bt.batteries.alarm_words import (
    ADVICE,
    async_alarm_words,
    async_over_words,
)
from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.renogy.models import Alarm, AlarmSeverity
from custom_components.renogy_bt.renogy.registers import ALARM_SOURCES
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.fake_air import FakeAir
from tests.translation_check import ENGLISH

PROTECTION = AlarmSeverity.PROTECTION


@pytest.fixture(autouse=True)
async def language(
    hass: HomeAssistant, air: FakeAir, request: pytest.FixtureRequest
) -> None:
    """Have Home Assistant speak a language, English if none is asked for."""
    hass.config.language = getattr(request, "param", "en")
    assert await async_setup_component(hass, DOMAIN, {})


@pytest.mark.parametrize(
    ("key", "parts", "name", "advice"),
    [
        (
            *("cell_under_voltage", (), "Cell under-voltage"),
            "Charge the battery soon",
        ),
        (
            *("cell_voltage_below_limit", (3, 4)),
            "Cell voltage below its limit (cells 3, 4)",
            "Charge the battery soon",
        ),
        (
            *("cell_voltage_error", (7,), "Cell voltage not measurable (cell 7)"),
            "Compare with what the Renogy app shows",
        ),
        (
            *("cell_temperature_above_limit", (2,)),
            "Cell temperature above its limit (sensor 2)",
            "Charge and draw less until the battery has cooled down",
        ),
        (
            *("heater_temperature_alarm", (1, 2)),
            "Heater temperature alarm (sensors 1, 2)",
            "Compare with what the Renogy app shows",
        ),
        ("short_circuit", (), "Short circuit", "Disconnect everything"),
        (
            *("discharge_low_temperature", (), "Discharge temperature low"),
            "Do not charge the battery before it is warmer",
        ),
        ("module_over_voltage", (), "Battery over-voltage", "Stop charging"),
        (
            *("discharge_over_current_2", ()),
            "Discharge over-current, second level",
            "Switch loads off",
        ),
    ],
)
async def test_an_alarm_says_what_it_is_and_what_to_do(
    hass: HomeAssistant, key: str, parts: tuple[int, ...], name: str, advice: str
) -> None:
    """An alarm says what it is, of which cells or sensors, how bad, and what to do."""
    alarm = Alarm(key=key, severity=PROTECTION, parts=parts)
    words = async_alarm_words(hass, alarm)
    assert words.name == name
    assert words.advice.startswith(advice)
    assert str(words) == f"{name}. Protection. {words.advice}"
    assert async_over_words(hass, alarm) == f"{name} is over"


@pytest.mark.parametrize(
    ("language", "name", "text"),
    [
        (
            *("de", "Zellspannung unter der Grenze (Zellen 3, 4)"),
            "Warnung. Lade die Batterie bald",
        ),
        (
            *("nl", "Celspanning onder de grens (cellen 3, 4)"),
            "Waarschuwing. Laad de accu snel op",
        ),
        (
            *("es", "Tensión de celda por debajo del límite (celdas 3, 4)"),
            "Advertencia. Carga la batería pronto",
        ),
        (
            *("pt-BR", "Tensão de célula abaixo do limite (células 3, 4)"),
            "Aviso. Carregue a bateria logo",
        ),
        (
            *("fr", "Tension de cellule sous la limite (cellules 3, 4)"),
            "Avertissement. Rechargez vite la batterie",
        ),
    ],
    indirect=["language"],
)
async def test_an_alarm_speaks_the_language_of_home_assistant(
    hass: HomeAssistant, name: str, text: str
) -> None:
    """The words are those of Home Assistant's language."""
    alarm = Alarm(
        key="cell_voltage_below_limit", severity=AlarmSeverity.WARNING, parts=(3, 4)
    )
    words = async_alarm_words(hass, alarm)
    assert words.name == name
    assert str(words).startswith(f"{name}. {text}")


@pytest.mark.parametrize("key", ALARM_SOURCES)
async def test_every_alarm_has_words(hass: HomeAssistant, key: str) -> None:
    """No alarm is shown by its key, and every advice is a text."""
    alarm = Alarm(key=key, severity=ALARM_SOURCES[key].severity, parts=(1,))
    words = async_alarm_words(hass, alarm)
    assert "_" not in str(words)
    assert words.advice in ENGLISH["selector"]["alarm_text"]["options"].values()


async def test_texts_are_those_of_the_table() -> None:
    """There is a text for every advice, and none that no alarm gives.

    What the sensor shows of an alarm is called as in the event.
    """
    texts = ENGLISH["selector"]["alarm_text"]["options"]
    assert {key for key in texts if key.startswith("advice_")} == {
        f"advice_{each}" for each in ADVICE
    }
    entities = ENGLISH["entity"]
    assert (
        entities["sensor"]["alarms"]["state_attributes"]["active"]["state"]
        == entities["event"]["alarm"]["state_attributes"]["alarm"]["state"]
    )
