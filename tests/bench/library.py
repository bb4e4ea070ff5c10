# SPDX-License-Identifier: Apache-2.0
"""The device library alone: it needs nothing of Home Assistant, and is measured without it."""

from pathlib import Path
import sys
from types import ModuleType
from typing import Final

_INTEGRATION: Final = "custom_components.renogy_bt"
_FOLDER: Final = Path(__file__).parents[2] / "custom_components" / "renogy_bt"


def leave_home_assistant_out() -> None:
    """Let the library be imported without the integration around it.

    Does nothing where the integration has been imported already.
    """
    if _INTEGRATION not in sys.modules:
        package = ModuleType(_INTEGRATION)
        package.__path__ = [str(_FOLDER)]
        sys.modules[_INTEGRATION] = package
