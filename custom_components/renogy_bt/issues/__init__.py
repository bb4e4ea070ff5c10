# SPDX-License-Identifier: Apache-2.0
"""Repair issues: each is raised and cleared here."""
