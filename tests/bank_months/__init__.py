# SPDX-License-Identifier: Apache-2.0
"""Emulated months of banks in parallel, healthy ones and ones with a known fault."""
