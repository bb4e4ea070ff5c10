# SPDX-License-Identifier: Apache-2.0
"""The fields for whether a link is kept connected."""

from collections.abc import Mapping
from typing import Any

import probatio

from homeassistant.const import UnitOfTime

from ..const import (
    CONF_CONNECTION,
    CONF_KEPT_INTERVAL,
    DEFAULT_KEPT_INTERVAL,
    MAX_UPDATE_INTERVAL,
    MIN_KEPT_INTERVAL,
)
from ..links.settings import Connection
from .selectors import translated_choice, whole_number


def connection_fields(kept_interval: int | None = None) -> dict[Any, Any]:
    """Return the fields of a form, with how the link is connected to now."""
    connection = Connection.FOR_EACH_POLL if kept_interval is None else Connection.KEPT
    return {
        probatio.Required(CONF_CONNECTION, default=connection): translated_choice(
            list(Connection), CONF_CONNECTION
        ),
        probatio.Required(
            CONF_KEPT_INTERVAL, default=kept_interval or DEFAULT_KEPT_INTERVAL
        ): whole_number(MIN_KEPT_INTERVAL, MAX_UPDATE_INTERVAL, UnitOfTime.SECONDS),
    }


def kept_interval_of(user_input: Mapping[str, Any]) -> int | None:
    """Return the interval of a link that is to be kept connected, None if it is not."""
    if user_input.get(CONF_CONNECTION) != Connection.KEPT:
        return None
    interval: int = user_input[CONF_KEPT_INTERVAL]
    return interval
