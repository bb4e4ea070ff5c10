# SPDX-License-Identifier: Apache-2.0
"""Checks of what surrounds the code: what hassfest and HACS look at, workflows, documents."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components" / "renogy_bt"
