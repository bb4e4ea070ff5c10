# SPDX-License-Identifier: Apache-2.0
"""The question that is asked before batteries are joined that cannot be in parallel."""

from collections.abc import Iterable
from typing import Any, Final

import probatio

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from ..bank.joining import Pack, can_be_joined
from ..bank.summary import Wiring
from ..const import CONF_JOIN_ANYWAY, CONF_WIRING
from ..links.markdown import escaped
from ..links.settings import LinkSettings, async_name_of, battery_labels
from ..links.stored_data import choice_option

CELL_VOLTAGE: Final = 3.2
"""What batteries are sold by: 12.8 V are four LiFePO4 cells, V."""
JOIN_SCHEMA: Final = probatio.Schema(
    {probatio.Optional(CONF_JOIN_ANYWAY, default=False): bool}
)


def is_to_be_joined(user_input: dict[str, Any]) -> bool:
    """Return whether the user wants batteries in parallel that cannot be."""
    return user_input.get(CONF_JOIN_ANYWAY) is True


def is_parallel(bank: ConfigEntry) -> bool:
    """Return whether the batteries of a bank are in parallel."""
    return choice_option(bank.options, CONF_WIRING, Wiring.PARALLEL) is Wiring.PARALLEL


@callback
def async_rows_of_mixed(hass: HomeAssistant, links: Iterable[LinkSettings]) -> str:
    """Return the rows of a Markdown table of batteries that cannot be in parallel.

    That is nothing where they can, as far as their numbers of cells tell.
    """
    links = list(links)
    cells = {
        (link.address, battery.unit): battery.cells
        for link in links
        for battery in link.batteries
    }
    if can_be_joined([Pack(cells=each) for each in cells.values()]):
        return ""
    labels = battery_labels(links)
    return "\n".join(
        f"| {escaped(async_name_of(hass, battery) or str(labels[battery]))} | {each or '–'} | "
        f"{f'{CELL_VOLTAGE * each:.1f} V' if each else '–'} |"
        for battery, each in cells.items()
    )
