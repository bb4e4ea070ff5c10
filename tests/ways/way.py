# SPDX-License-Identifier: Apache-2.0
"""What a trace shows: the files of a way, in their order, and how often each is entered."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .tracer import Passage, Station, Tracer

VALUE_LIMIT: Final = 25
FAULT_LIMIT: Final = 18

POLL: Final = "LinkCoordinator._async_update_data"
NOTIFICATION: Final = "BleakTransport._notified"
PUBLISHED: Final = "published"
ENTITY: Final = "entity"
STATE: Final = "state"
LINK_COORDINATOR: Final = "links/coordinator.py"


@dataclass(frozen=True, slots=True)
class Way:
    """A way through the files of the product."""

    name: str
    limit: int
    files: tuple[str, ...]
    """In the order in which the way comes to them."""
    entered: Counter[str]
    """How often each file is entered on the part of the way where that counts."""
    also_run: tuple[str, ...] = ()
    """Files that are asked something on the side, and so not on the way."""

    def as_data(self) -> dict[str, Any]:
        """Return the way as JSON has it."""
        return {
            "name": self.name,
            "limit": self.limit,
            "count": len(self.files),
            "files": list(self.files),
            "entered": dict(self.entered),
            "also_run": list(self.also_run),
        }


def value_way(name: str, tracer: Tracer) -> Way:
    """Return the way of a value: every file that runs from a poll to the state of an entity.

    It begins with the poll of the link's coordinator. Everything that the poll waits for is on
    it: connecting, asking, decoding, adding up the energy. What goes on at the same time
    without being waited for (advertisements, the disconnect) is not. Once the report is
    published, each listener of the coordinator is a way of its own: on this one is the entity
    whose state ends it.
    """
    published = next(each.at for each in tracer.stations if each.form == PUBLISHED)
    entity, state = (
        max(each.at for each in tracer.stations if each.form == form)
        for form in (ENTITY, STATE)
    )
    way = tracer.passages[:published] + tracer.passages[entity:state]
    return Way(
        name,
        VALUE_LIMIT,
        _in_order(passage.file for passage in way if not passage.is_return),
        Counter(passage.file for passage in entries(tracer.passages)),
    )


def entries(passages: Sequence[Passage]) -> Iterator[Passage]:
    """Yield each entry of a file on the way from the last notification to the link's report.

    A file is entered when
    - one of its functions is called from another file, or from outside the product, or when
    - one of its functions, which has waited for the value since before the notification, goes
      on because a function of another file that waited as well returns the value to it.
    The first is how a value is handed down (to be decoded, say), the second how it is handed
    up to those who asked for it. Both count alike, and so does the smallest function: a
    property that is read is a call. Going back to a caller whose call came after the
    notification is no entry: the value is where it has been before.
    """
    begin = max(
        at
        for at, passage in enumerate(passages)
        if passage.function == NOTIFICATION and not passage.is_return
    )
    for passage in passages[begin:]:
        if passage.is_return:
            if passage.file != passage.other and passage.since < begin:
                yield passage
                if passage.file == LINK_COORDINATOR:
                    return
        elif passage.file != passage.other:
            yield passage


def fault_way(name: str, tracer: Tracer) -> Way:
    """Return the way of a fault: the files on the call stack wherever the fault takes a form.

    The forms are a failure in the records of a link, a sample, a sign, a verdict, a decision
    for a step, the step, its result, an event, a status and a notice. So the way is made up of
    the files that hand the fault on, from the supervisor's look down to each of the forms.
    A file that only answers a question on the side (what has been heard before? may a step be
    taken?) is not on the way. It is in `also_run`, so that nothing is hidden.
    """
    files = _in_order(file for station in tracer.stations for file in station.stack)
    ran = _in_order(passage.file for passage in tracer.passages)
    return Way(
        name,
        FAULT_LIMIT,
        files,
        Counter(),
        tuple(file for file in ran if file not in files),
    )


def forms(stations: Iterable[Station]) -> tuple[str, ...]:
    """Return the forms of some stations in the order in which they were taken first."""
    return _in_order(station.form for station in stations)


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
