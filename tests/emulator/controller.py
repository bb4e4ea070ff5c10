# SPDX-License-Identifier: Apache-2.0
"""The radio and the kernel's side of an adapter: what bluetoothd asks things of."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from .discovery import Outcome
from .faults import ActiveFault
from .radio import Receiver
from .timers import Timers
from .world import Adapter, Timing


@dataclass(slots=True, eq=False)
class Controller:
    """One controller's state and what is wrong with it at the moment.

    It outlives bluetoothd. `name` is its hci name, which may change; `power_changed`
    is called when it lost or got power, whoever caused it. `returns` counts how often it
    came back after a drop.

    What is wrong with it is told by the faults that are active.
    """

    specification: Adapter
    timing: Timing
    timers: Timers
    faults: Callable[[], Collection[ActiveFault]]
    power_changed: Callable[[Controller], None]
    receiver: Receiver
    name: str = field(init=False)
    plugged: bool = True
    powered: bool = True
    is_scanning: bool = False
    returns: int = 0
    _starting: bool = False
    _generation: int = 0

    def __post_init__(self) -> None:
        """Take the name that the world gives."""
        self.name = self.specification.name

    def _fault(self, *names: str) -> ActiveFault | None:
        address = self.specification.address
        return next(
            (
                fault
                for fault in self.faults()
                if fault.name in names and fault.values["adapter"] == address
            ),
            None,
        )

    @property
    def deaf(self) -> bool:
        """Tell whether no advertisement gets through."""
        return (
            self._fault("discovery-stuck", "scanner-silent", "discovery-deaf")
            is not None
        )

    @property
    def blocked(self) -> bool:
        """Tell whether rfkill keeps it off."""
        return self._fault("rfkill-blocked") is not None

    @property
    def refuses_power(self) -> bool:
        """Tell whether switching it on or off fails."""
        return self._fault("power-set-failing") is not None

    @property
    def contended(self) -> bool:
        """Tell whether a second client begins a scan while one is starting."""
        return self._fault("stuck-start") is not None

    @property
    def hears_connectable(self) -> bool:
        """Tell whether advertisements are noticed that a connect waits for.

        Since Linux 6.15 some kernels do so only while a discovery runs (bluez#2503).
        """
        return self.is_scanning or (
            self._fault("connects-only-while-discovering") is None
        )

    @property
    def hides_discovering(self) -> bool:
        """Tell whether Discovering stays false whatever is started."""
        fault = self._fault("discovery-deaf")
        return fault is not None and fault.text("discovering") == "false"

    @property
    def connect_error(self) -> str | None:
        """Return what every connect ends with, None where connects work."""
        fault = self._fault("connects-failing")
        return fault.text("error") if fault else None

    def aborts_connect(self, link: str) -> bool:
        """Tell whether connects to a link are aborted before anything went on the air."""
        fault = self._fault("connects-abort")
        return fault is not None and fault.falls_on_link(link)

    def start_discovery(self, done: Callable[[Outcome], None]) -> None:
        """Begin to scan; refused while another start is under way."""
        slow = self._fault("stuck-start")
        if self._starting or self._fault("start-refused"):
            self._later(self.timing.discovery, lambda: done(Outcome.REFUSED))
            return
        self._starting = True

        def started() -> None:
            self._starting = False
            self.is_scanning = True
            done(Outcome.SUCCESS)

        delay = slow.number("seconds") if slow else 0.0
        self._later(self.timing.discovery + delay, started)

    def stop_discovery(self, done: Callable[[Outcome], None]) -> None:
        """End the scan; a refusal finds it ended already, as kernels do."""

        def stopped() -> None:
            self.is_scanning = False
            refused = self._fault("stop-refused")
            done(Outcome.REFUSED if refused else Outcome.SUCCESS)

        self._later(self.timing.discovery, stopped)

    def power_off(self) -> None:
        """Lose power at once: what was under way never ends."""
        self.reset_scan()
        self.powered = False
        self.power_changed(self)

    def reset_scan(self) -> None:
        """Stop scanning at once, as for a bluetoothd that starts."""
        self._generation += 1
        self.is_scanning = False
        self._starting = False

    def power_on(self) -> None:
        """Get power."""
        self.powered = True
        self.power_changed(self)

    def _later(self, delay: float, callback: Callable[[], None]) -> None:
        generation = self._generation

        def run() -> None:
            if generation == self._generation:
                callback()

        self.timers.call_later(delay, run)
