# SPDX-License-Identifier: Apache-2.0
"""Options of a bank."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, override

import probatio

from homeassistant.config_entries import (
    ConfigFlowContext,
    ConfigFlowResult,
    OptionsFlow,
)
from homeassistant.const import UnitOfRatio, UnitOfTime

from ..adapter_health.ladder import RecoveryLevel
from ..bank.summary import Wiring
from ..const import (
    CONF_FULL_CHARGE_DAYS,
    CONF_IMBALANCE_LIMIT,
    CONF_RECOVERY,
    CONF_RESERVE,
    CONF_SILENT_HOURS,
    CONF_UPDATE_INTERVAL,
    CONF_WIRING,
)
from ..links.settings import links_of
from ..links.stored_data import NUMBERS, choice_option, number_option
from .joining import JoiningFlow, is_parallel
from .selectors import RECOVERY_SELECTOR, WIRING_SELECTOR, whole_number

_UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        CONF_UPDATE_INTERVAL: UnitOfTime.SECONDS,
        CONF_SILENT_HOURS: UnitOfTime.HOURS,
        CONF_IMBALANCE_LIMIT: UnitOfRatio.PERCENTAGE,
        CONF_RESERVE: UnitOfRatio.PERCENTAGE,
        CONF_FULL_CHARGE_DAYS: UnitOfTime.DAYS,
    }
)

_WIRING: Final = {
    probatio.Required(CONF_WIRING, default=Wiring.PARALLEL): WIRING_SELECTOR
}
_RECOVERY: Final = {
    probatio.Required(CONF_RECOVERY, default=RecoveryLevel.FULL): RECOVERY_SELECTOR
}

NEW_BANK_SCHEMA: Final = probatio.Schema({**_WIRING, **_RECOVERY})
"""What is asked when a bank is made; the rest can wait."""
OPTIONS_SCHEMA = probatio.Schema(
    {
        **_WIRING,
        **{
            probatio.Required(key, default=default): whole_number(
                least, most, _UNITS.get(key)
            )
            for key, (default, least, most) in NUMBERS.items()
        },
        **_RECOVERY,
    }
)


class BankOptionsFlow(
    JoiningFlow[ConfigFlowContext, ConfigFlowResult, str], OptionsFlow
):
    """Asks for the options of a bank.

    The update listener reloads the bank, as it does when a link is added or removed.
    """

    _given: Mapping[str, Any] = MappingProxyType({})

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the options."""
        if user_input is not None:
            self._given = user_input
            was_parallel = is_parallel(self.config_entry)
            if was_parallel or user_input[CONF_WIRING] != Wiring.PARALLEL:
                return await self._async_save()
            links = links_of(self.config_entry).values()
            return await self._async_join_unless_mixed(links, self._async_save)
        options = self.config_entry.options
        known = self._given or {
            **{key: number_option(options, key) for key in NUMBERS},
            CONF_WIRING: choice_option(options, CONF_WIRING, Wiring.PARALLEL),
            CONF_RECOVERY: choice_option(options, CONF_RECOVERY, RecoveryLevel.FULL),
        }
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(OPTIONS_SCHEMA, known),
        )

    async def _async_save(self) -> ConfigFlowResult:
        return self.async_create_entry(data=self._given)

    @override
    async def _async_keep_apart(self) -> ConfigFlowResult:
        return await self.async_step_init()
