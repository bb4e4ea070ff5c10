# SPDX-License-Identifier: Apache-2.0
"""Notices about a bank as a whole."""

from time import monotonic
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..bank.imbalance import ImbalanceWatch
from ..batteries.devices import battery_name
from ..const import CONF_IMBALANCE_LIMIT
from ..coordinator import RenogyConfigEntry
from ..links.stored_data import number_option
from .bank_notice import BankNotice

_IMBALANCE: Final = "imbalance"


@callback
def async_follow_balance(
    hass: HomeAssistant, entry: RenogyConfigEntry
) -> CALLBACK_TYPE:
    """Show a notice while the batteries of a bank are out of balance.

    Over a reload, the notice itself remembers the imbalance. A notice that is not shown is not
    deleted: after a restart it still knows whether the user ignores it.
    """
    bank = entry.runtime_data
    limit = number_option(entry.options, CONF_IMBALANCE_LIMIT)
    notice = BankNotice(hass, entry, _IMBALANCE)
    watch = ImbalanceWatch(
        limit, is_noticed=notice.is_shown, noticed_limit=_noticed_limit(notice.issue)
    )

    @callback
    def update() -> None:
        report = bank.data
        is_whole = len(report.fresh) == len(bank.labels) - len(report.left_out)
        spread = report.summary.state_of_charge_spread
        weakest = report.summary.weakest_battery
        if not watch.advance(monotonic(), spread if is_whole else None):
            if notice.is_shown:
                notice.async_forget()
        elif is_whole and spread is not None and weakest is not None:
            notice.async_show(
                {
                    "spread": f"{spread:.0f}",
                    "limit": str(limit),
                    "battery": battery_name(hass, bank, weakest),
                }
            )

    return bank.async_add_listener(update)


@callback
def async_forget_balance(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Delete the notice about the balance of a bank."""
    BankNotice(hass, entry, _IMBALANCE).async_forget()


def _noticed_limit(issue: ir.IssueEntry | None) -> float | None:
    """Return the limit that the notice tells, which may have been another one."""
    if issue is None or issue.translation_placeholders is None:
        return None
    return float(issue.translation_placeholders["limit"])
