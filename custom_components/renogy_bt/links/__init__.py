# SPDX-License-Identifier: Apache-2.0
"""Links as a bank has them: stored, connected to, polled, and searched for batteries."""
