# SPDX-License-Identifier: Apache-2.0
"""Made-up addresses for adapters, proxies and other devices, in what people send to others."""

import re
from typing import Any, Final

from homeassistant.core import callback

_ADDRESS: Final = re.compile(
    r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{2}(?:([:_-]?)[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![0-9A-Fa-f])"
)
_LOCAL: Final = 0x0200_0000_0000
"""No maker gives addresses with this bit."""
MOST: Final = 10_000
"""So many devices are told apart; the others share an address."""


class MadeUpAddresses:
    """Stands in for each address by another one, the same while Home Assistant runs."""

    def __init__(self) -> None:
        """Begin with no address known."""
        self._numbers: dict[str, int] = {}
        self._links: set[str] = set()

    @callback
    def number_of_link(self, address: str) -> int:
        """Return the number of a link, whose made-up address keeps its makers' block."""
        key = re.sub("[:_-]", "", address).upper()
        self._links.add(key)
        return self._number(key)

    @callback
    def of(self, address: str) -> str:
        """Return what stands for an address."""
        return self._made_up(re.sub("[:_-]", "", address).upper(), ":")

    @callback
    def of_name(self, name: str) -> str:
        """Return what stands for an adapter or a proxy by its name, in which its address may be."""
        found = _ADDRESS.search(name)
        return self.of(found[0]) if found else self._made_up(name, ":")

    @callback
    def in_data(self, data: Any) -> Any:
        """Return plain data with the addresses in keys and values replaced."""
        match data:
            case str():
                return _ADDRESS.sub(self._replacement, data)
            case dict():
                return {
                    self.in_data(str(key)): self.in_data(value)
                    for key, value in data.items()
                }
            case list() | tuple():
                return [self.in_data(each) for each in data]
            case set() | frozenset():
                return sorted(self.in_data(each) for each in data)
            case _:
                return data

    def _replacement(self, found: re.Match[str]) -> str:
        return self._made_up(re.sub("[:_-]", "", found[0]).upper(), found[1])

    def _made_up(self, key: str, separator: str) -> str:
        base = int(key[:6], 16) << 24 if key in self._links else _LOCAL
        made_up = (base + self._number(key)).to_bytes(6)
        return (made_up.hex(separator) if separator else made_up.hex()).upper()

    def _number(self, key: str) -> int:
        if key not in self._numbers and len(self._numbers) >= MOST:
            key = ""
        return self._numbers.setdefault(key, len(self._numbers) + 1)
