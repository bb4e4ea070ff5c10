# SPDX-License-Identifier: Apache-2.0
"""The benchmark: this device library beside its peers, on the same emulated line.

Runs as `python -m tests.bench`. Everything but CPU time and memory is measured on a virtual
clock and repeats exactly.
"""

import tests.plugin_bridge  # noqa: F401
