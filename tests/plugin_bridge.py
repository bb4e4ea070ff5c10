# SPDX-License-Identifier: Apache-2.0
"""What Home Assistant's test plugin needs to run with a newer Home Assistant than its own.

Imported before the plugin and before all others of pytest, as pyproject.toml says: Home
Assistant puts httpx2 in the place of httpx, and refuses to once anyone has imported httpx.
"""

from homeassistant.components import logger
from homeassistant.components.logger import helpers

# The plugin of 2026.10 imports it from where 2026.11 no longer has it.
vars(logger).setdefault("_clear_logger_overwrites", helpers._clear_logger_overwrites)
