# SPDX-License-Identifier: Apache-2.0
"""What is known of bluetoothd as a process: who owns its name, and whether it answers."""

from dataclasses import dataclass


@dataclass(slots=True)
class Owner:
    """Who owns org.bluez, on which bus."""

    name: str | None = None
    changed_at: float | None = None
    _bus_id: str | None = None
    _last: str | None = None
    _seen: bool = False

    def on_bus(self, bus_id: object) -> None:
        """Take in the id of the bus: each bus gives its own unique names."""
        if isinstance(bus_id, str) and bus_id != self._bus_id:
            self._bus_id = bus_id
            self._last = None

    def update(self, name: str | None, now: float) -> None:
        """Take in who the owner is."""
        self.name = name
        if name is None or name == self._last:
            return
        if self._seen:
            self.changed_at = now
        self._last, self._seen = name, True


@dataclass(slots=True)
class Answers:
    """Whether bluetoothd answers."""

    unanswered: int = 0
    since: float | None = None

    def missed(self, asked_at: float) -> None:
        """Count a call without an answer."""
        self.unanswered += 1
        if self.since is None:
            self.since = asked_at

    def came(self) -> bool:
        """Take note of an answer; return whether answers were missed before."""
        missed = self.unanswered > 0
        self.unanswered, self.since = 0, None
        return missed
