# SPDX-License-Identifier: Apache-2.0
"""Options of a bank."""

from typing import Any

import probatio

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.const import UnitOfRatio, UnitOfTime

from ..adapter_health.ladder import RecoveryLevel
from ..bank.summary import Wiring
from ..const import (
    CONF_FAILED_POLLS,
    CONF_FULL_CHARGE_DAYS,
    CONF_IMBALANCE_LIMIT,
    CONF_RECOVERY,
    CONF_RESERVE,
    CONF_UPDATE_INTERVAL,
    CONF_WIRING,
    DEFAULT_FAILED_POLLS,
    DEFAULT_FULL_CHARGE_DAYS,
    DEFAULT_IMBALANCE_LIMIT,
    DEFAULT_RESERVE,
    DEFAULT_UPDATE_INTERVAL,
    MAX_FAILED_POLLS,
    MAX_FULL_CHARGE_DAYS,
    MAX_IMBALANCE_LIMIT,
    MAX_RESERVE,
    MAX_UPDATE_INTERVAL,
    MIN_UPDATE_INTERVAL,
)
from ..links.stored_data import NUMBERS, choice_option, number_option
from .selectors import WIRING_SELECTOR, translated_choice, whole_number

OPTIONS_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_WIRING, default=Wiring.PARALLEL): WIRING_SELECTOR,
        probatio.Required(
            CONF_UPDATE_INTERVAL, default=DEFAULT_UPDATE_INTERVAL
        ): whole_number(MIN_UPDATE_INTERVAL, MAX_UPDATE_INTERVAL, UnitOfTime.SECONDS),
        probatio.Required(
            CONF_FAILED_POLLS, default=DEFAULT_FAILED_POLLS
        ): whole_number(1, MAX_FAILED_POLLS),
        probatio.Required(
            CONF_IMBALANCE_LIMIT, default=DEFAULT_IMBALANCE_LIMIT
        ): whole_number(0, MAX_IMBALANCE_LIMIT, UnitOfRatio.PERCENTAGE),
        probatio.Required(CONF_RESERVE, default=DEFAULT_RESERVE): whole_number(
            0, MAX_RESERVE, UnitOfRatio.PERCENTAGE
        ),
        probatio.Required(
            CONF_FULL_CHARGE_DAYS, default=DEFAULT_FULL_CHARGE_DAYS
        ): whole_number(0, MAX_FULL_CHARGE_DAYS, UnitOfTime.DAYS),
        probatio.Required(CONF_RECOVERY, default=RecoveryLevel.FULL): translated_choice(
            list(RecoveryLevel), CONF_RECOVERY
        ),
    }
)


class BankOptionsFlow(OptionsFlow):
    """Asks for the options of a bank.

    The update listener reloads the bank, as it does when a link is added or removed.
    """

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the options."""
        if user_input is not None:
            return self.async_create_entry(data=user_input)
        options = self.config_entry.options
        known = {
            **{key: number_option(options, key) for key in NUMBERS},
            CONF_WIRING: choice_option(options, CONF_WIRING, Wiring.PARALLEL),
            CONF_RECOVERY: choice_option(options, CONF_RECOVERY, RecoveryLevel.FULL),
        }
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(OPTIONS_SCHEMA, known),
        )
