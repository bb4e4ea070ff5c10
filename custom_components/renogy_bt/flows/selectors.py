# SPDX-License-Identifier: Apache-2.0
"""The fields of the flows' forms."""

from collections.abc import Mapping
from typing import Any

import probatio

from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from ..adapter_health.ladder import RecoveryLevel
from ..bank.summary import Wiring
from ..const import CONF_RECOVERY, CONF_WIRING


def choice(options: Mapping[str, str], *, multiple: bool = False) -> SelectSelector:
    """Return a field to choose from a list of these labels, by value."""
    return SelectSelector(
        SelectSelectorConfig(
            options=[
                SelectOptionDict(value=value, label=label)
                for value, label in options.items()
            ],
            multiple=multiple,
            mode=SelectSelectorMode.LIST,
        )
    )


def translated_choice(options: list[str], translation_key: str) -> SelectSelector:
    """Return a field to choose from a list of values that have translated labels."""
    return SelectSelector(
        SelectSelectorConfig(
            options=options,
            mode=SelectSelectorMode.LIST,
            translation_key=translation_key,
        )
    )


def whole_number(least: int, most: int, unit: str | None = None) -> probatio.All[Any]:
    """Return a field to type a whole number in."""
    config = NumberSelectorConfig(
        min=least, max=most, step=1, mode=NumberSelectorMode.BOX
    )
    if unit is not None:
        config["unit_of_measurement"] = unit
    return probatio.All(NumberSelector(config), probatio.Coerce(int))


WIRING_SELECTOR = translated_choice(list(Wiring), CONF_WIRING)
RECOVERY_SELECTOR = translated_choice(list(RecoveryLevel), CONF_RECOVERY)
