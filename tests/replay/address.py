# SPDX-License-Identifier: Apache-2.0
"""How an address stands in a file."""

import re
from typing import Final

ADDRESS: Final = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")
