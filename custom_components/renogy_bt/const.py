# SPDX-License-Identifier: Apache-2.0
"""Constants of the Renogy Bluetooth batteries integration."""

import logging
from typing import Final

DOMAIN: Final = "renogy_bt"
DOCUMENTATION_URL: Final = "https://github.com/jorik41/renogy_bt"
ISSUE_URL: Final = f"{DOCUMENTATION_URL}/issues/new?template=bug.yml"
REPORT_HELP_URL: Final = f"{DOCUMENTATION_URL}#reporting-a-problem"
"""Where the diagnostics are, and where to send them."""
REPORTS_URL: Final = f"{DOCUMENTATION_URL}/blob/main/docs/field-reports.md"
LOGGER: Final = logging.getLogger(__package__)
MANUFACTURER: Final = "Renogy"

# Fired with each alarm event, for the logbook: it does not show the attributes of an entity.
EVENT_ALARM: Final = "renogy_bt_alarm"
ATTR_BATTERY: Final = "battery"
ATTR_TEXT: Final = "text"

SUBENTRY_TYPE_LINK: Final = "link"

# The version of a bank's stored data. Since 1.2 each link says whether it is polled, since 1.3
# no family was guessed for want of a name.
ENTRY_VERSION: Final = 1
ENTRY_MINOR_VERSION: Final = 3

CONF_BANK: Final = "bank"
CONF_CELLS: Final = "cells"
CONF_CONNECT_ANYWAY: Final = "connect_anyway"
CONF_CONNECTION: Final = "connection"
CONF_CURRENT_SCALE: Final = "current_scale"
CONF_DIVISOR: Final = "divisor"
CONF_FAILED_POLLS: Final = "failed_polls"
CONF_FAMILY: Final = "family"
CONF_FORGET: Final = "forget"
CONF_FULL_CHARGE_DAYS: Final = "full_charge_days"
CONF_IMBALANCE_LIMIT: Final = "imbalance_limit"
CONF_JOIN_ANYWAY: Final = "join_anyway"
CONF_KEPT_INTERVAL: Final = "kept_interval"
CONF_PLACE: Final = "place"
CONF_POLLING: Final = "polling"
CONF_RECOVERY: Final = "recovery"
CONF_REPORT: Final = "report"
CONF_RESERVE: Final = "reserve"
CONF_SILENT_HOURS: Final = "silent_hours"
CONF_SOURCE: Final = "source"
CONF_UNIT: Final = "unit"
CONF_UNIT_IDS: Final = "unit_ids"
CONF_UNITS: Final = "units"
CONF_UPDATE_INTERVAL: Final = "update_interval"
CONF_WIRING: Final = "wiring"

# Seconds. A poll of four batteries keeps a real radio busy for about 7 s, a shorter interval
# than 10 s would keep the adapter from hearing anything else.
DEFAULT_UPDATE_INTERVAL: Final = 60
MIN_UPDATE_INTERVAL: Final = 10
MAX_UPDATE_INTERVAL: Final = 600

# The same for a link that is kept connected: four requests take 0.8 s.
DEFAULT_KEPT_INTERVAL: Final = 10
MIN_KEPT_INTERVAL: Final = 2

# State of charge between batteries, in %. Counters of healthy batteries drift by some percent
# between full charges; 0 is off.
DEFAULT_IMBALANCE_LIMIT: Final = 20
MAX_IMBALANCE_LIMIT: Final = 50

# Polls in a row that bring no reading of a battery before it is unavailable.
DEFAULT_FAILED_POLLS: Final = 1
MAX_FAILED_POLLS: Final = 10

# Hours of silence after which the bank goes on without a battery. In a day a battery that is asleep, or
# unplugged for some work, is back; 0 is never.
DEFAULT_SILENT_HOURS: Final = 24
MAX_SILENT_HOURS: Final = 168

# State of charge that the owner wants to keep, in %.
DEFAULT_RESERVE: Final = 10
MAX_RESERVE: Final = 90

# Days of use without a full charge. LiFePO4 cells drift apart, and counters drift, until a battery is
# full; 0 is off.
DEFAULT_FULL_CHARGE_DAYS: Final = 30
MAX_FULL_CHARGE_DAYS: Final = 365
