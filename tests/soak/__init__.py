# SPDX-License-Identifier: Apache-2.0
"""Days of one home in which something goes wrong every ten minutes: `scripts/soak --help`."""
