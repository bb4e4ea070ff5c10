# SPDX-License-Identifier: Apache-2.0
"""Notices about the Bluetooth adapters."""

from collections.abc import Mapping
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..adapter_health.ladder import PLANS
from ..adapter_health.samples import Reason
from ..adapter_health.status import AdapterStatus, Notice
from ..adapters.advice import async_advice, async_moment_in_words
from ..const import DOCUMENTATION_URL, DOMAIN
from ..links.markdown import escaped
from ..supervisor.supervisor import async_get_supervisor
from .identifiers import ADAPTER_PREFIX, adapter_issue_id

ATTR_ADDRESS: Final = "address"

# Reasons that need other advice than their verdict.
TEXTS: Final[Mapping[Reason, str]] = {
    Reason.BUS_ACCESS_DENIED: "adapter_bus_access_denied",
    Reason.ENTRY_FAILED: "adapter_entry_not_running",
    Reason.ENTRY_UNLOADED: "adapter_entry_not_running",
    Reason.CONNECT_DENIED: "adapter_connect_denied",
    Reason.CONNECTS_NEED_DISCOVERY: "adapter_needs_discovery",
    Reason.SLOTS_FULL: "adapter_slots_full",
    Reason.DROPS_OFF: "adapter_drops_off",
    Reason.SERVICE_CRASHES: "adapter_service_crashes",
    Reason.NEVER_SEEN: "adapter_never_seen",
    Reason.ADAPTER_ZEROED: "adapter_zeroed",
    Reason.REPLACED: "adapter_replaced",
}

FIXABLE: Final = frozenset(f"adapter_{verdict}" for verdict in PLANS)
"""Texts of the issues that a recovery step may mend; the others are for the user."""


@callback
def async_follow_adapters(hass: HomeAssistant) -> CALLBACK_TYPE:
    """Show an issue for each adapter while it has a notice.

    An issue is written when the notice changes, and not when anything else of the adapter
    does. It outlasts a stop of the supervisor: Home Assistant forgets with an issue that the
    user ignores it, and the notice comes back when the supervisor starts again.
    """
    supervisor = async_get_supervisor(hass)
    registry = ir.async_get(hass)
    issues: dict[str, tuple[str, Notice]] = {}

    @callback
    def update() -> None:
        if not supervisor.is_watching:
            return
        for address in issues.keys() - supervisor.adapters.keys():
            ir.async_delete_issue(hass, DOMAIN, issues.pop(address)[0])
        for address, status in supervisor.adapters.items():
            known_id, known = issues.get(address, (None, None))
            issue_id = _issue_id_of(hass, status)
            if known_id is not None and known_id != issue_id:
                ir.async_delete_issue(hass, DOMAIN, issues.pop(address)[0])
            if status.notice is None or issue_id is None:
                continue
            issue = registry.async_get_issue(DOMAIN, issue_id)
            if status.notice != known or issue is None or not issue.active:
                issues[address] = (issue_id, status.notice)
                _async_create(hass, issue_id, status, status.notice)

    return supervisor.async_add_listener(update)


@callback
def async_forget_adapters(hass: HomeAssistant) -> None:
    """Delete the issues about adapters when no bank is left that could be concerned."""
    if async_get_supervisor(hass).is_watching:
        return
    for domain, issue_id in tuple(ir.async_get(hass).issues):
        if domain == DOMAIN and issue_id.startswith(ADAPTER_PREFIX):
            ir.async_delete_issue(hass, DOMAIN, issue_id)


def _issue_id_of(hass: HomeAssistant, status: AdapterStatus) -> str | None:
    """Return the id of the issue about an adapter, None if it has no notice."""
    if status.notice is None:
        return None
    return adapter_issue_id(hass, status.notice.trouble, status.address)


@callback
def _async_create(
    hass: HomeAssistant, issue_id: str, status: AdapterStatus, notice: Notice
) -> None:
    text = TEXTS.get(notice.reason, f"adapter_{notice.verdict}")
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        data={ATTR_ADDRESS: status.address},
        is_fixable=text in FIXABLE,
        is_persistent=False,
        learn_more_url=f"{DOCUMENTATION_URL}#bluetooth-adapter-health",
        severity=(
            ir.IssueSeverity.WARNING
            if status.has_other_path
            else ir.IssueSeverity.ERROR
        ),
        translation_key=text,
        translation_placeholders={
            "adapter": escaped(status.name or status.address),
            "address": status.address,
            "since": async_moment_in_words(hass, notice.since),
            "steps": str(len(notice.tried)),
            "count": str(notice.count),
            **async_advice(hass),
        },
    )
