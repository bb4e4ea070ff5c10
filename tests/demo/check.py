# SPDX-License-Identifier: Apache-2.0
"""The document of `scripts/demo --check`: every entity of the integration with its state."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from custom_components.renogy_bt.adapter_health.samples import Verdict

from .client import HomeAssistantClient, Json
from .errors import DemoError
from .flows import DOMAIN

type State = float | int | str | bool | None

_WAIT_SECONDS: Final = 0.2
_JUDGED_SECONDS: Final = 1.0
_ADAPTER: Final = "adapter_"
_NO_STATE: Final = frozenset({"unknown", "unavailable"})
_TWO_STATE_PLATFORMS: Final = frozenset({"binary_sensor", "switch"})
_NO_FAULT: Final = frozenset(each for each in Verdict if not each.is_fault)
# From both ends of the measurements and from the status words.
_PROOF_OF_READING: Final = ("temperature", "voltage", "charge_mosfet")


@dataclass(frozen=True)
class Part:
    """What has entities of its own: a device of the integration, or a link.

    A link is on the dongle's device or on that of a battery with built-in Bluetooth.
    """

    identifier: str
    model: str | None
    entities: Mapping[str, State]


async def enable_all_entities(client: HomeAssistantClient) -> None:
    """Enable what is disabled by default, and reload the banks once so that it has states."""
    for entity in await _entities(client):
        if entity["disabled_by"] == "integration":
            await client.command(
                "config/entity_registry/update",
                entity_id=entity["entity_id"],
                disabled_by=None,
            )
    for entry_id in await entry_ids(client):
        await client.post(f"/api/config/config_entries/entry/{entry_id}/reload", {})


async def entry_ids(client: HomeAssistantClient) -> list[str]:
    """Return the ids of the integration's config entries."""
    entries = await client.get(f"/api/config/config_entries/entry?domain={DOMAIN}")
    return [entry["entry_id"] for entry in entries]


async def diagnostics_of(client: HomeAssistantClient, entry_id: str) -> Json:
    """Return a bank's diagnostics as they are downloaded."""
    answer: Json = await client.get(f"/api/diagnostics/config_entry/{entry_id}")
    return answer


async def bank_diagnostics(client: HomeAssistantClient) -> Json:
    """Return the diagnostics of the first bank, as soon as it is loaded.

    Home Assistant reloads it by itself 30 s after entities were enabled.
    """
    bank = await _first_bank(client)
    while "links" not in (answer := await diagnostics_of(client, bank))["data"]:
        await asyncio.sleep(_WAIT_SECONDS)
    return answer


async def watched_since(client: HomeAssistantClient) -> datetime:
    """Return when the adapters were looked at first."""
    records = [each async for each in _records(client)]
    return min(datetime.fromisoformat(each["at"]) for each in records)


async def wait_for_verdict(client: HomeAssistantClient) -> str:
    """Wait until an adapter was judged to have a fault, and return which.

    A step may follow at once, and be judged in its turn.
    """
    while True:
        async for record in _records(client):
            if record.get("verdict", Verdict.OK) not in _NO_FAULT:
                return str(record["verdict"])
        await asyncio.sleep(_JUDGED_SECONDS)


async def _records(client: HomeAssistantClient) -> AsyncIterator[Json]:
    """Yield what was judged and done of the adapters."""
    bank = await diagnostics_of(client, await _first_bank(client))
    for adapter in bank["data"]["bluetooth_health"]["adapters"]:
        for record in adapter["history"]["records"]:
            yield record


async def _first_bank(client: HomeAssistantClient) -> str:
    for entry_id in await entry_ids(client):
        return entry_id
    raise DemoError("The world has no battery: no bank was set up")


async def wait_for_batteries(
    client: HomeAssistantClient, batteries: Iterable[tuple[str, int]]
) -> None:
    """Wait until each of these batteries (address, unit id) has values."""
    wanted = {battery_identifier(address, unit) for address, unit in batteries}
    while await missing_batteries(client, wanted):
        await asyncio.sleep(_WAIT_SECONDS)


async def missing_batteries(
    client: HomeAssistantClient, wanted: Iterable[str]
) -> list[str]:
    """Return which of these batteries have no values yet."""
    parts = {part.identifier: part for part in await read_parts(client)}
    return [identifier for identifier in wanted if not _is_read(parts.get(identifier))]


def _is_read(part: Part | None) -> bool:
    return part is not None and all(
        part.entities.get(key) is not None for key in _PROOF_OF_READING
    )


def battery_identifier(address: str, unit: int) -> str:
    """Return the device identifier of a battery."""
    return f"{address.lower()}_{unit}"


async def read_parts(client: HomeAssistantClient) -> list[Part]:
    """Return every device and link of the integration with its entities' states."""
    states = {state["entity_id"]: state for state in await client.command("get_states")}
    entities = await _entities(client)
    models = {
        identifier: device["model"]
        for device in await client.command("config/device_registry/list")
        for domain, identifier in device["identifiers"]
        if domain == DOMAIN
    }
    links = {_link_of(identifier) for identifier in models if _is_battery(identifier)}
    parts: dict[str, dict[str, State]] = {each: {} for each in (*models, *links)}
    for entity in entities:
        owners = [each for each in parts if entity["unique_id"].startswith(f"{each}_")]
        if not owners:
            continue
        # A battery's identifier begins with its link's.
        owner = max(owners, key=len)
        key = entity["unique_id"].removeprefix(f"{owner}_")
        parts[owner][key] = _state(entity["entity_id"], states.get(entity["entity_id"]))
    return [
        Part(identifier, models.get(identifier), values)
        for identifier, values in parts.items()
    ]


async def _entities(client: HomeAssistantClient) -> list[Json]:
    return [
        entity
        for entity in await client.command("config/entity_registry/list")
        if entity["platform"] == DOMAIN
    ]


def _state(entity_id: str, state: Json | None) -> State:
    if state is None or state["state"] in _NO_STATE:
        return None
    text = str(state["state"])
    if entity_id.partition(".")[0] in _TWO_STATE_PLATFORMS:
        return text == "on"
    attributes = state["attributes"]
    if "unit_of_measurement" in attributes or "state_class" in attributes:
        return float(text) if "." in text or "e" in text else int(text)
    return text


def document(
    parts: Iterable[Part],
    *,
    version: str,
    seconds: Mapping[str, float],
    issues: list[Json],
    banks: Iterable[str],
) -> Json:
    """Return the check document."""
    by_kind = defaultdict(list)
    for part in parts:
        by_kind[_kind(part.identifier, set(banks))].append(part)
    return {
        "home_assistant": version,
        "seconds": dict(seconds),
        "batteries": sorted(
            (_battery(part) for part in by_kind["battery"]),
            key=lambda battery: (battery["link"], battery["unit"]),
        ),
        "links": sorted(
            (_link(part) for part in by_kind["link"]), key=lambda link: link["link"]
        ),
        "bank": dict(by_kind["bank"][0].entities) if by_kind["bank"] else {},
        "adapters": [_adapter(part) for part in by_kind["adapter"]],
        "issues": issues,
    }


def _kind(identifier: str, banks: set[str]) -> str:
    if identifier in banks:
        return "bank"
    if identifier.startswith(_ADAPTER):
        return "adapter"
    return "battery" if _is_battery(identifier) else "link"


def _is_battery(identifier: str) -> bool:
    return "_" in identifier and not identifier.startswith(_ADAPTER)


def _link_of(battery: str) -> str:
    return battery.rpartition("_")[0]


def _battery(part: Part) -> Json:
    return {
        "link": _link_of(part.identifier).upper(),
        "unit": int(part.identifier.rpartition("_")[2]),
        "model": part.model,
        "entities": dict(part.entities),
    }


def _link(part: Part) -> Json:
    return {"link": part.identifier.upper(), "entities": dict(part.entities)}


def _adapter(part: Part) -> Json:
    return {
        "address": part.identifier.removeprefix(_ADAPTER).upper(),
        "entities": dict(part.entities),
    }


async def check_document(
    client: HomeAssistantClient, seconds: Mapping[str, float]
) -> Json:
    """Return the check document of a running Home Assistant."""
    issues = await client.command("repairs/list_issues")
    return document(
        await read_parts(client),
        version=(await client.get("/api/config"))["version"],
        seconds=seconds,
        issues=[issue for issue in issues["issues"] if issue["domain"] == DOMAIN],
        banks=await entry_ids(client),
    )


async def sensor_ids(client: HomeAssistantClient) -> dict[str, str]:
    """Return the entity ids of the integration's sensors by their unique ids."""
    return {
        str(entity["unique_id"]): str(entity["entity_id"])
        for entity in await _entities(client)
        if entity["entity_id"].startswith("sensor.")
    }


async def bank_entity(client: HomeAssistantClient) -> str:
    """Return an entity of the bank."""
    bank = await _first_bank(client)
    return (await sensor_ids(client))[f"{bank}_voltage"]
