# SPDX-License-Identifier: Apache-2.0
"""A notice about a bank as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import DOCUMENTATION_URL, DOMAIN


@dataclass(frozen=True, slots=True)
class BankNotice:
    """The one notice of a kind about a bank; the kind is its translation key.

    A notice that is not shown may be there all the same: it knows whether the user ignores it.
    """

    hass: HomeAssistant
    entry: ConfigEntry
    kind: str

    @property
    def issue_id(self) -> str:
        """The id of the notice."""
        return f"{self.kind}_{self.entry.entry_id}"

    @property
    def issue(self) -> ir.IssueEntry | None:
        """The notice, shown or not, None where there is none."""
        return ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)

    @property
    def is_shown(self) -> bool:
        """Whether it is shown."""
        return self.issue is not None and self.issue.active

    @callback
    def async_show(
        self,
        placeholders: Mapping[str, str],
        severity: ir.IssueSeverity = ir.IssueSeverity.WARNING,
    ) -> None:
        """Show it, with what it says beside the name of the bank."""
        ir.async_create_issue(
            self.hass,
            DOMAIN,
            self.issue_id,
            is_fixable=False,
            learn_more_url=f"{DOCUMENTATION_URL}#troubleshooting",
            severity=severity,
            translation_key=self.kind,
            translation_placeholders={"bank": self.entry.title, **placeholders},
        )

    @callback
    def async_forget(self) -> None:
        """Delete it."""
        ir.async_delete_issue(self.hass, DOMAIN, self.issue_id)
