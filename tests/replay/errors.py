# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a file that is to be replayed."""


class ReplayError(Exception):
    """The file cannot be used; the message says where and why."""
