# SPDX-License-Identifier: Apache-2.0
"""Notices that were stored with addresses and serial numbers go on without them."""

from dataclasses import replace
import re
from typing import Any, Final

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..adapter_health.samples import Reason, Verdict
from ..adapter_health.troubles import Trouble, trouble_of
from ..const import DOMAIN, SUBENTRY_TYPE_LINK
from ..links.settings import async_banks
from ..renogy.redaction import Redaction
from .batteries import REPLACED, without_serials
from .identifiers import (
    ADAPTER_PREFIX,
    LINK_PREFIX,
    adapter_issue_id,
    battery_id_of,
    link_issue_id,
)

_OLD_ID: Final = re.compile(
    r"(?P<kind>[a-z_]+)_(?P<address>[0-9a-f]{12})(?:-(?P<unit>[0-9]{1,3}))?"
)


@callback
def async_rename_notices(hass: HomeAssistant) -> None:
    """Give notices that are named after addresses another name, before anybody looks for them.

    Version 0.1.0 named them so. What the user ignores stays ignored; a notice of what is not set
    up any more is dropped.
    """
    links = {
        address.replace(":", "").lower(): subentry
        for bank in async_banks(hass)
        for subentry in bank.get_subentries_of_type(SUBENTRY_TYPE_LINK)
        # It is read from a file that may be damaged.
        if isinstance(address := subentry.unique_id, str)
    }
    registry = ir.async_get(hass)
    for (domain, issue_id), issue in tuple(registry.issues.items()):
        old = _OLD_ID.fullmatch(issue_id)
        if domain != DOMAIN or old is None:
            continue
        link = links.get(old["address"])
        new_id = _new_id(hass, old["kind"], old["address"], link, old["unit"])
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        if new_id is not None:
            registry.issues[DOMAIN, new_id] = replace(
                issue, issue_id=new_id, **_changes(hass, issue, link)
            )


def _new_id(
    hass: HomeAssistant,
    kind: str,
    address: str,
    link: ConfigSubentry | None,
    unit: str | None,
) -> str | None:
    """Return the id of a notice today, None where nobody looks for it any more."""
    if unit is None and kind.startswith(ADAPTER_PREFIX):
        trouble = _trouble_of(kind.removeprefix(ADAPTER_PREFIX))
        return trouble and adapter_issue_id(hass, trouble, address)
    if link is None:
        return None
    if unit is not None:
        return battery_id_of(kind, link.subentry_id, int(unit))
    return link_issue_id(kind.removeprefix(LINK_PREFIX), link.subentry_id)


def _trouble_of(kind: str) -> Trouble | None:
    """Return the trouble that a notice is about; version 0.1.0 named the verdict."""
    if kind in Trouble:
        return Trouble(kind)
    return trouble_of(Verdict(kind), Reason.SETTLING) if kind in Verdict else None


def _changes(
    hass: HomeAssistant, issue: ir.IssueEntry, link: ConfigSubentry | None
) -> dict[str, Any]:
    """Return what else becomes of a notice that outlasts restarts."""
    if link is None or issue.translation_key != REPLACED:
        return {}
    redaction = Redaction(link.unique_id or "", str(link.title))
    told = issue.translation_placeholders or {}
    placeholders, mark = without_serials(hass, redaction, told)
    data = {**(issue.data or {}), **mark}
    return {"data": data, "translation_placeholders": placeholders}
