# SPDX-License-Identifier: Apache-2.0
"""Options of a bank."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import probatio

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
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
from .joining import JOIN_SCHEMA, async_rows_of_mixed, is_parallel, is_to_be_joined
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


class BankOptionsFlow(OptionsFlow):
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
            if self._is_mixed:
                return await self.async_step_mixed()
            return self.async_create_entry(data=user_input)
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

    async def async_step_mixed(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether batteries are joined that cannot be in parallel."""
        if user_input is None:
            return self.async_show_form(
                step_id="mixed",
                data_schema=JOIN_SCHEMA,
                description_placeholders={"batteries": self._mixed},
            )
        if is_to_be_joined(user_input):
            return self.async_create_entry(data=self._given)
        return await self.async_step_init()

    @property
    def _is_mixed(self) -> bool:
        """Whether batteries are to be in parallel from now on that cannot be."""
        is_new = not is_parallel(self.config_entry)
        return (
            is_new and self._given[CONF_WIRING] == Wiring.PARALLEL and bool(self._mixed)
        )

    @property
    def _mixed(self) -> str:
        return async_rows_of_mixed(self.hass, links_of(self.config_entry).values())
