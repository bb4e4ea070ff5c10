# SPDX-License-Identifier: Apache-2.0
"""Where things are in the guest."""

from pathlib import Path
from typing import Final

RADIO_SOCKET: Final = Path("/run/radio.sock")
SERVICES_SOCKET: Final = Path("/run/services.sock")
BUS_SOCKET: Final = Path("/run/dbus/system_bus_socket")
KNOWN_DEVICES: Final = Path("/var/lib/bluetooth")
ADAPTERS: Final = Path("/sys/class/bluetooth")
RFKILL: Final = Path("/sys/class/rfkill")
CONFIGURATION: Final = Path("/run/home-assistant")
