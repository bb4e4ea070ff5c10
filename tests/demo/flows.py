# SPDX-License-Identifier: Apache-2.0
"""Setting the integration up through its own config flows, as a person would."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
import time
from types import MappingProxyType
from typing import Any, Final

from .client import HomeAssistantClient, Json
from .errors import DemoError

DOMAIN: Final = "renogy_bt"
_POLL_SECONDS: Final = 0.1
_FLOWS: Final = "/api/config/config_entries/flow"
_OPTIONS_FLOWS: Final = "/api/config/config_entries/options/flow"
_REPORT: Final = "report"
_ADD_TO_BANK: Final = "add_to_bank"
_ADDED: Final = frozenset({"added_to_bank", "already_configured"})
# Discovery of a link without a name first waits ten seconds for the name.
_DISCOVERY_SECONDS: Final = 20.0


class LinkRefused(DemoError):
    """A link could not be set up; `report` is what the dialogue offers to send, if it does."""

    def __init__(self, address: str, reason: object, report: str) -> None:
        """Say which link and why."""
        super().__init__(f"{address} was refused: {reason}")
        self.reason = reason
        self.report = report


async def confirm_adapters(client: HomeAssistantClient) -> None:
    """Confirm the Bluetooth adapters that Home Assistant found but did not set up by itself."""
    for flow in await client.command("config_entries/flow/progress"):
        if flow["handler"] == "bluetooth":
            await client.post(f"{_FLOWS}/{flow['flow_id']}", {})


async def set_up_links(
    client: HomeAssistantClient,
    owner_units: Mapping[str, list[int]],
    log: Callable[[str], None],
    *,
    kept_intervals: Mapping[str, int] = MappingProxyType({}),
) -> float:
    """Set each of these links up; the first makes the bank, the others join it together.

    `owner_units` are the unit ids by link that only its owner knows, `kept_intervals` the
    intervals of links that are to be kept connected. A link that is not
    discovered is searched and picked. Returns when probing began, of the monotonic clock.

    Raises:
        LinkRefused: A link was refused, with Home Assistant's own reason.

    """
    configured = await _configured_addresses(client)
    links = {
        address: _advanced(units, kept_intervals.get(address))
        for address, units in owner_units.items()
        if address.casefold() not in configured
    }
    flows = {address: await _begin(client, address, log) for address in links}
    began = time.monotonic()
    for first in list(flows)[: 0 if configured else 1]:
        await _finish(client, flows.pop(first), first, links[first])
    await asyncio.gather(
        *(
            _finish(client, flow, address, links[address])
            for address, flow in flows.items()
        )
    )
    return began


async def _begin(
    client: HomeAssistantClient, address: str, log: Callable[[str], None]
) -> str:
    """Return the id of the flow that sets a link up."""
    try:
        async with asyncio.timeout(_DISCOVERY_SECONDS):
            flow_id = await _discovered(client, address)
    except TimeoutError:
        log(f"{address} was not discovered, searching for it")
        flow = await client.post(_FLOWS, {"handler": DOMAIN})
        flow_id = str(flow["flow_id"])
    log(f"Setting {address} up")
    return flow_id


async def leave_resets_to_the_user(client: HomeAssistantClient) -> None:
    """Set every bank's recovery to gentle, through its options flow."""
    for entry in await client.get(f"/api/config/config_entries/entry?domain={DOMAIN}"):
        form = await client.post(_OPTIONS_FLOWS, {"handler": entry["entry_id"]})
        options = {
            field["name"]: field["description"]["suggested_value"]
            for field in form["data_schema"]
            if "suggested_value" in field.get("description", {})
        }
        await client.post(
            f"{_OPTIONS_FLOWS}/{form['flow_id']}", options | {"recovery": "gentle"}
        )


async def _configured_addresses(client: HomeAssistantClient) -> set[str]:
    addresses = set()
    for entry in await client.get(f"/api/config/config_entries/entry?domain={DOMAIN}"):
        for subentry in await client.command(
            "config_entries/subentries/list", entry_id=entry["entry_id"]
        ):
            addresses.add(str(subentry["unique_id"]).casefold())
    return addresses


async def _discovered(client: HomeAssistantClient, address: str) -> str:
    while True:
        for flow in await client.command("config_entries/flow/progress"):
            unique_id = flow["context"].get("unique_id") or ""
            if flow["handler"] == DOMAIN and unique_id.casefold() == address.casefold():
                return str(flow["flow_id"])
        await confirm_adapters(client)
        await asyncio.sleep(_POLL_SECONDS)


async def _finish(
    client: HomeAssistantClient, flow_id: str, address: str, advanced: dict[str, Any]
) -> None:
    step: Json = await client.get(f"{_FLOWS}/{flow_id}")
    report = ""
    while True:
        report = _report_in(step.get("data_schema") or ()) or report
        match step["type"]:
            case "create_entry":
                return
            case "abort" if step["reason"] in _ADDED:
                return
            case "abort":
                raise LinkRefused(address, step["reason"], report)
            case "progress":
                await asyncio.sleep(_POLL_SECONDS)
                step = await client.get(f"{_FLOWS}/{flow_id}")
            case "menu":
                step = await client.post(
                    f"{_FLOWS}/{flow_id}", {"next_step_id": _join_bank(step)}
                )
            case _ if step.get("errors"):
                raise LinkRefused(address, step["errors"], report)
            case _:
                step = await client.post(
                    f"{_FLOWS}/{flow_id}", _answers(step, address, advanced)
                )


def _advanced(units: list[int], kept_interval: int | None) -> dict[str, Any]:
    """Return what the owner of a link knows and wants, nothing where all is as usual."""
    advanced: dict[str, Any] = {}
    if units:
        advanced["unit_ids"] = ", ".join(map(str, units))
    if kept_interval is not None:
        advanced |= {"connection": "kept", "kept_interval": kept_interval}
    return advanced


def _answers(form: Json, address: str, advanced: dict[str, Any]) -> dict[str, Any]:
    """Fill in a form as the owner of a link would."""
    fields = {field["name"] for field in form["data_schema"] or ()}
    answers: dict[str, Any] = {}
    if "address" in fields:
        answers["address"] = address
    if "advanced" in fields and advanced:
        answers["advanced"] = advanced
    # A world shows what its author put into it, also what cannot be in parallel.
    if "join_anyway" in fields:
        answers["join_anyway"] = True
    return answers


def _report_in(fields: Iterable[Json]) -> str:
    """Return the report that a form offers, in a section as well, or nothing."""
    for field in fields:
        if field.get("name") == _REPORT and "schema" not in field:
            return str(field.get("description", {}).get("suggested_value", ""))
        if report := _report_in(field.get("schema", ())):
            return report
    return ""


def _join_bank(menu: Json) -> str:
    options = list(menu["menu_options"])
    return _ADD_TO_BANK if _ADD_TO_BANK in options else str(options[0])
