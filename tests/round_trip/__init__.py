# SPDX-License-Identifier: Apache-2.0
"""What was run and downloaded is run again, and comes to the same, over all worlds and faults."""

# Before the test framework of Home Assistant, see tests/fault_matrix/processes.py.
import custom_components.renogy_bt  # noqa: F401
import tests.plugin_bridge  # noqa: F401
