"""Where things are in the guest."""

from pathlib import Path
from typing import Final

SHARE: Final = Path("/share")
WORLD: Final = SHARE / "world.json"
ORDER: Final = SHARE / "order.json"
RESULT: Final = SHARE / "result.json"
LOG: Final = SHARE / "log.jsonl"
RADIO_SOCKET: Final = Path("/run/radio.sock")
SERVICES_SOCKET: Final = Path("/run/services.sock")
BUS_SOCKET: Final = Path("/run/dbus/system_bus_socket")
RFKILL: Final = Path("/sys/class/rfkill")
CONFIGURATION: Final = Path("/run/home-assistant")
