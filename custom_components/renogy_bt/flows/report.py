# SPDX-License-Identifier: Apache-2.0
"""The field with the report of a set-up that failed, for the user to copy."""

from types import MappingProxyType
from typing import Any, Final

import probatio

from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig

from ..const import CONF_REPORT, ISSUE_URL, REPORTS_URL

SECTION_REPORT: Final = "report"
REPORT_PLACEHOLDERS: Final = MappingProxyType(
    {"issue_url": ISSUE_URL, "reports_url": REPORTS_URL}
)

# Not read-only: the frontend disables such a field, and nothing can be copied from it by keys.
_REPORT: Final = TextSelector(TextSelectorConfig(multiline=True))


def report_fields(report: str) -> dict[Any, Any]:
    """Return the part of a form that shows a report; what comes back is of no use."""
    suggested = {"suggested_value": report}
    return {probatio.Optional(CONF_REPORT, description=suggested): _REPORT}


def report_section(report: str) -> dict[Any, Any]:
    """Return the same, folded away, or nothing where there is no report."""
    if not report:
        return {}
    fields = probatio.Schema(report_fields(report))
    return {probatio.Optional(SECTION_REPORT): section(fields, {"collapsed": True})}
