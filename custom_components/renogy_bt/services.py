# SPDX-License-Identifier: Apache-2.0
"""Actions of the integration."""

from collections.abc import Mapping
from typing import Any, Final

import probatio

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.generated.languages import LANGUAGES
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.device_registry import format_mac
from homeassistant.helpers.json import json_dumps
from homeassistant.helpers.service import (
    async_get_device_and_config_entry,
    async_register_admin_service,
)
from homeassistant.util.json import json_loads_object

from .adapter_health.ladder import RecoveryStep
from .adapters.devices import async_adapter_of
from .adapters.recovery import async_recover
from .batteries.actions import async_read_registers, async_rescan_link
from .batteries.probe import async_probe
from .const import CONF_CONNECT_ANYWAY, CONF_UNIT_IDS, DOMAIN
from .dashboard.registries import async_create_dashboard
from .diagnostics import async_get_config_entry_diagnostics
from .flows.unit_ids import MOST_UNITS, WrongUnitIds, parse_unit_ids
from .renogy.modbus import MAX_WORDS
from .renogy.registers import REGISTER_RANGE
from .supervisor.supervisor import Supervisor, async_get_supervisor

ACTION_CREATE_DASHBOARD: Final = "create_dashboard"
ACTION_PROBE: Final = "probe"
ACTION_READ_REGISTERS: Final = "read_registers"
ACTION_RECORD: Final = "record"
ACTION_RECOVER_ADAPTER: Final = "recover_adapter"
ACTION_RESCAN: Final = "rescan"
ATTR_ADAPTER: Final = "adapter"
ATTR_ADDRESS: Final = "address"
ATTR_COUNT: Final = "count"
ATTR_LANGUAGE: Final = "language"
ATTR_LEVEL: Final = "level"

STEPS_TO_ASK_FOR: Final = (
    RecoveryStep.RESTART_SCANNING,
    RecoveryStep.POWER_CYCLE,
    RecoveryStep.FULL_RESET,
)

RECOVER_ADAPTER_SCHEMA: Final = probatio.Schema(
    {
        probatio.Optional(ATTR_DEVICE_ID): cv.string,
        probatio.Optional(ATTR_ADAPTER): cv.string,
        probatio.Optional(
            ATTR_LEVEL, default=RecoveryStep.POWER_CYCLE.value
        ): probatio.In(STEPS_TO_ASK_FOR),
    }
)

DEVICE_SCHEMA: Final = probatio.Schema({probatio.Required(ATTR_DEVICE_ID): cv.string})


def _whole_number(value: Any) -> int:
    """Return a whole number, of a template too; a fraction is refused, not cut."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    number = value
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            number = None
    if not isinstance(number, float) or not number.is_integer():
        raise probatio.Invalid("expected a whole number")
    return int(number)


CONNECT_ANYWAY: Final = {
    probatio.Optional(CONF_CONNECT_ANYWAY, default=False): cv.boolean
}

RESCAN_SCHEMA: Final = DEVICE_SCHEMA.extend(CONNECT_ANYWAY)

READ_REGISTERS_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(ATTR_DEVICE_ID): cv.string,
        probatio.Required(ATTR_ADDRESS): probatio.All(
            _whole_number,
            probatio.Range(min=REGISTER_RANGE[0], max=REGISTER_RANGE[-1]),
        ),
        probatio.Optional(ATTR_COUNT, default=1): probatio.All(
            _whole_number, probatio.Range(min=1, max=MAX_WORDS)
        ),
        **CONNECT_ANYWAY,
    }
)

DASHBOARD_SCHEMA: Final = probatio.Schema(
    {probatio.Optional(ATTR_LANGUAGE): probatio.In(LANGUAGES)}
)

PROBE_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(ATTR_ADDRESS): cv.string,
        probatio.Optional(CONF_UNIT_IDS, default=list): probatio.All(
            cv.ensure_list, probatio.Length(max=MOST_UNITS), [cv.string]
        ),
        **CONNECT_ANYWAY,
    }
)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""

    async def recover_adapter(call: ServiceCall) -> None:
        supervisor = async_get_supervisor(hass)
        await async_recover(
            hass,
            _adapter_asked_for(hass, supervisor, call.data),
            RecoveryStep(call.data[ATTR_LEVEL]),
        )

    async def rescan(call: ServiceCall) -> ServiceResponse:
        return await async_rescan_link(
            hass,
            call.data[ATTR_DEVICE_ID],
            connect_anyway=call.data[CONF_CONNECT_ANYWAY],
        )

    async def read_registers(call: ServiceCall) -> ServiceResponse:
        return await async_read_registers(
            hass,
            call.data[ATTR_DEVICE_ID],
            call.data[ATTR_ADDRESS],
            call.data[ATTR_COUNT],
            connect_anyway=call.data[CONF_CONNECT_ANYWAY],
        )

    async def record(call: ServiceCall) -> ServiceResponse:
        _, entry = async_get_device_and_config_entry(
            hass, DOMAIN, call.data[ATTR_DEVICE_ID]
        )
        diagnostics = await async_get_config_entry_diagnostics(hass, entry)
        # As it is downloaded: moments are texts.
        return json_loads_object(json_dumps(diagnostics))

    async def create_dashboard(call: ServiceCall) -> ServiceResponse:
        return await async_create_dashboard(hass, call.data.get(ATTR_LANGUAGE))

    async def probe(call: ServiceCall) -> ServiceResponse:
        return await async_probe(
            hass,
            call.data[ATTR_ADDRESS],
            _unit_ids(call.data[CONF_UNIT_IDS]),
            connect_anyway=call.data[CONF_CONNECT_ANYWAY],
        )

    async_register_admin_service(
        hass,
        DOMAIN,
        ACTION_RECOVER_ADAPTER,
        recover_adapter,
        schema=RECOVER_ADAPTER_SCHEMA,
    )
    # For administrators: a rescan changes the batteries of a bank.
    async_register_admin_service(
        hass,
        DOMAIN,
        ACTION_RESCAN,
        rescan,
        schema=RESCAN_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )
    # For administrators, as the download is.
    async_register_admin_service(
        hass,
        DOMAIN,
        ACTION_RECORD,
        record,
        schema=DEVICE_SCHEMA,
        supports_response=SupportsResponse.ONLY,
    )
    # For administrators: any peripheral that is heard may be connected to.
    async_register_admin_service(
        hass,
        DOMAIN,
        ACTION_PROBE,
        probe,
        schema=PROBE_SCHEMA,
        supports_response=SupportsResponse.ONLY,
    )
    # For administrators: registers hold serial numbers, and each call may connect.
    async_register_admin_service(
        hass,
        DOMAIN,
        ACTION_READ_REGISTERS,
        read_registers,
        schema=READ_REGISTERS_SCHEMA,
        supports_response=SupportsResponse.ONLY,
    )
    hass.services.async_register(
        DOMAIN,
        ACTION_CREATE_DASHBOARD,
        create_dashboard,
        schema=DASHBOARD_SCHEMA,
        supports_response=SupportsResponse.ONLY,
    )


def _unit_ids(given: list[str]) -> tuple[int, ...]:
    """Return the unit ids in a list of ids and ranges, bounded as in the dialogues."""
    try:
        return parse_unit_ids(", ".join(given))
    except WrongUnitIds as error:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="unit_ids_wrong",
            translation_placeholders={"reason": str(error)},
        ) from error


@callback
def _adapter_asked_for(
    hass: HomeAssistant, supervisor: Supervisor, data: Mapping[str, Any]
) -> str:
    """Return the address of the adapter, given as a device, by its address or name: hci0.

    Where nothing is given there must be only one adapter.
    """
    if (device_id := data.get(ATTR_DEVICE_ID)) is not None:
        device = dr.async_get(hass).async_get(device_id)
        address = (
            async_adapter_of(hass, device)
            if isinstance(device, dr.DeviceEntry)
            else None
        )
        if address is None:
            raise ServiceValidationError(
                translation_domain=DOMAIN, translation_key="not_an_adapter"
            )
        return address
    if (given := data.get(ATTR_ADAPTER)) is not None:
        told = given.strip()
        names = {
            status.name.lower(): address
            for address, status in supervisor.adapters.items()
            if status.name is not None
        }
        return names.get(told.lower(), format_mac(told).upper())
    if len(supervisor.adapters) != 1:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="which_adapter",
            translation_placeholders={
                "adapters": ", ".join(sorted(supervisor.adapters)) or "–"
            },
        )
    return next(iter(supervisor.adapters))
