# SPDX-License-Identifier: Apache-2.0
"""Thirty simulated days of every benign and every faulty world of one adapter."""
