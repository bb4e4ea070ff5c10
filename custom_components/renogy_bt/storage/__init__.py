# SPDX-License-Identifier: Apache-2.0
"""What is kept on disk: energy totals, alarms that were told, and histories of adapters."""
