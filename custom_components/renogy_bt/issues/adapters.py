"""Notices about the Bluetooth adapters."""

from collections.abc import Mapping
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from ..adapter_health.ladder import PLANS
from ..adapter_health.samples import Reason
from ..adapter_health.status import AdapterStatus, Notice
from ..const import DOCUMENTATION_URL, DOMAIN
from ..supervisor.supervisor import async_get_supervisor

ATTR_ADDRESS: Final = "address"

# Reasons that need other advice than their verdict.
TEXTS: Final[Mapping[Reason, str]] = {
    Reason.BUS_ACCESS_DENIED: "adapter_bus_access_denied",
    Reason.ENTRY_FAILED: "adapter_entry_not_running",
    Reason.ENTRY_UNLOADED: "adapter_entry_not_running",
}

# What an issue is made of: the notice, the adapter's name, whether others hear its links.
type _Content = tuple[Notice | None, str | None, bool]


@callback
def async_follow_adapters(hass: HomeAssistant) -> CALLBACK_TYPE:
    """Show an issue for each adapter while it has a notice."""
    supervisor = async_get_supervisor(hass)
    issues: dict[str, tuple[str, _Content]] = {}

    @callback
    def update() -> None:
        for address in issues.keys() - supervisor.adapters.keys():
            ir.async_delete_issue(hass, DOMAIN, issues.pop(address)[0])
        for address, status in supervisor.adapters.items():
            known = issues.get(address)
            content = (status.notice, status.name, status.has_other_path)
            if known is not None and known[1] == content:
                continue
            issue_id = issue_id_of(status)
            if known is not None and known[0] != issue_id:
                ir.async_delete_issue(hass, DOMAIN, issues.pop(address)[0])
            if status.notice is not None and issue_id is not None:
                issues[address] = (issue_id, content)
                _async_create(hass, issue_id, status, status.notice)

    return supervisor.async_add_listener(update)


def issue_id_of(status: AdapterStatus) -> str | None:
    """Return the id of the issue about an adapter, None if it has no notice."""
    if status.notice is None:
        return None
    address = status.address.replace(":", "").lower()
    return f"adapter_{status.notice.verdict}_{address}"


@callback
def _async_create(
    hass: HomeAssistant, issue_id: str, status: AdapterStatus, notice: Notice
) -> None:
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        data={ATTR_ADDRESS: status.address},
        # What no recovery step can mend is for the user.
        is_fixable=notice.verdict in PLANS,
        is_persistent=False,
        learn_more_url=f"{DOCUMENTATION_URL}#bluetooth-adapter-health",
        severity=(
            ir.IssueSeverity.WARNING
            if status.has_other_path
            else ir.IssueSeverity.ERROR
        ),
        translation_key=TEXTS.get(notice.reason, f"adapter_{notice.verdict}"),
        translation_placeholders={
            "adapter": status.name or status.address,
            "address": status.address,
            "since": dt_util.as_local(notice.since).strftime("%Y-%m-%d %H:%M"),
            "steps": str(len(notice.tried)),
        },
    )
