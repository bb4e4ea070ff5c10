# SPDX-License-Identifier: Apache-2.0
"""How often the measured scale of a current is wrong, and how long until it is known."""
