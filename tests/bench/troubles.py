# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on the line, as data: fault switches of the emulated world, by chance."""

from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.emulator.faults import ActiveFault, activate
from tests.emulator.modbus import Request

MISSING_UNIT: Final = 51


@dataclass(frozen=True, slots=True)
class Chance:
    """A fault that befalls a reply with a probability; `name` is what it is counted under."""

    name: str
    probability: float
    fault: ActiveFault


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One row: faults that are always there, faults by chance, and a dongle that wedges.

    `wedged_every` is the number of polls from one wedging to the next, 0 for never. The first
    `settling_polls` in trouble are not counted: it is no news any more.
    """

    key: str
    description: str
    always: tuple[ActiveFault, ...] = ()
    chances: tuple[Chance, ...] = ()
    wedged_every: int = 0
    wedged_seconds: float = 60.0
    settling_polls: int = 0

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of everything that must be seen to happen."""
        names = [fault.name for fault in self.always]
        names += [chance.name for chance in self.chances]
        return tuple(names) + (("dongle-wedged",) if self.wedged_every else ())


def _chance(name: str, probability: float, **values: float) -> Chance:
    label = " ".join([name, *(f"{value:g}" for value in values.values())])
    return Chance(label, probability, activate(name, values))


_LOST: Final = Chance("lost-reply", 0.05, activate("lost-reply", {"every": 1}))
_LATE: Final = (
    _chance("late-reply", 0.005, delay=0.9),
    _chance("late-reply", 0.005, delay=2.3),
)
_FOREIGN: Final = _chance("foreign-unit", 0.01)
_DISCONNECT: Final = _chance("disconnect-mid-reply", 0.01)
_FRAGMENTS: Final = activate("fragmented-notifications", {"size": 20})
_WIDE: Final = activate("wide-read-refused", {"words": 34})
_WEDGED: Final = activate("dongle-wedged", {})

NO_TROUBLE: Final = Trouble(key="none", description="nothing goes wrong")

TROUBLES: Final = {
    trouble.key: trouble
    for trouble in (
        NO_TROUBLE,
        Trouble(
            key="missing",
            description="one battery has long stopped to answer",
            always=(activate("silent", {"unit": MISSING_UNIT}),),
            settling_polls=5,
        ),
        Trouble(
            key="lost", description="5 % of the replies are lost", chances=(_LOST,)
        ),
        Trouble(
            key="noise",
            description="5 % of the replies lost, 1 % late (0.9 s or 2.3 s),"
            " 1 % from another unit",
            chances=(_LOST, *_LATE, _FOREIGN),
        ),
        Trouble(
            key="fragments",
            description="replies arrive 20 bytes at a time",
            always=(_FRAGMENTS,),
        ),
        Trouble(
            key="wide_refused",
            description="reads of more than 34 words get exception 2",
            always=(_WIDE,),
        ),
        Trouble(
            key="disconnects",
            description="the link breaks within 1 % of the replies",
            chances=(_DISCONNECT,),
        ),
        Trouble(
            key="wedged",
            description="the dongle stops to answer for 60 s, every 20th poll",
            wedged_every=20,
        ),
        Trouble(
            key="everything",
            description="all of these at once but the missing battery, and wrong CRCs,"
            " glued notifications, replies of nothing but ones",
            always=(_WIDE,),
            chances=(
                _chance("fragmented-notifications", 0.1, size=20),
                _LOST,
                *_LATE,
                _FOREIGN,
                _DISCONNECT,
                _chance("wrong-crc", 0.01),
                _chance("glued-notifications", 0.01),
                _chance("all-ff-reply", 0.01),
            ),
            wedged_every=50,
        ),
    )
}


class Dice:
    """Decides which faults befall a reply, and counts what happened."""

    def __init__(self, trouble: Trouble, seed: str) -> None:
        """Start in peace: trouble begins with `begin`."""
        self.happened: Counter[str] = Counter()
        self._trouble = trouble
        self._random = Random(seed)
        self._begun = False
        self._standing: list[ActiveFault] = []

    def begin(self) -> None:
        """Let trouble begin."""
        self._begun = True
        self._standing = list(self._trouble.always)

    def wedge(self) -> None:
        """Wedge the dongle."""
        self._standing.append(_WEDGED)

    def release(self) -> None:
        """Let the dongle work again."""
        self._standing.remove(_WEDGED)

    def standing(self, unit: int) -> list[ActiveFault]:
        """Return the faults of a unit that do not depend on chance."""
        return [
            fault
            for fault in self._standing
            if fault.values.get("unit", 0) in (0, unit)
        ]

    def note(self, request: Request, frame: bytes | None) -> None:
        """Count what standing faults did to a request that got this answer or none."""
        for fault in self._standing:
            match fault.name:
                case "silent":
                    happened = request.unit == fault.integer("unit")
                case "wide-read-refused":
                    happened = request.count > fault.integer("words")
                case "fragmented-notifications":
                    happened = frame is not None and len(frame) > fault.integer("size")
                case _:
                    happened = True
            self.happened[fault.name] += happened

    def befalling(self) -> list[ActiveFault]:
        """Return the faults that befall the next reply."""
        if not self._begun:
            return []
        fallen = [
            chance
            for chance in self._trouble.chances
            if self._random.random() < chance.probability
        ]
        self.happened.update(chance.name for chance in fallen)
        return [chance.fault for chance in fallen]
