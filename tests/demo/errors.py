# SPDX-License-Identifier: Apache-2.0
"""What can end the demo early."""


class DemoError(Exception):
    """The demo cannot go on; the text says what happened and what to do."""
