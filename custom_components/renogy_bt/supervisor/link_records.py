# SPDX-License-Identifier: Apache-2.0
"""What is known of our links: which sources hear them, and how their polls go."""

from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from ..adapter_health.samples import ConnectFailure, LinkSample, Strength
from ..adapter_health.strength import POSSIBLE, StrengthOverTime

RATE_SPAN = 300.0
MOST_ADVERTISEMENTS = 3000
MOST_SOURCES = 64
STALE_AFTER = 30.0
"""A connection that lasts so long after its poll was left behind, s."""
POLLED_WITHIN = 720.0
"""A link without a poll for so long is not polled: the longest interval is 600 s."""


@dataclass(slots=True)
class LinkRecord:
    """One link: its advertisements by source and its polls."""

    address: str
    heard: dict[str, float] = field(default_factory=dict)
    """Time of the last advertisement through each source."""
    strengths: dict[str, StrengthOverTime] = field(default_factory=dict)
    """How strongly each source hears it, as far as the source tells."""
    connected: dict[str, float] = field(default_factory=dict)
    """When the last connection through each source came about."""
    disconnected: dict[str, float] = field(default_factory=dict)
    """When the last connection through each source ended, or was last seen to stand."""
    earlier: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Begin and end of the connection through each source before the last one."""
    via: str | None = None
    """Source that holds the connection, as far as that is known."""
    in_use_since: float | None = None
    """Since when the link is being connected to, or connected."""
    connected_since: float | None = None
    """When the connection came about that stands, or that stood last."""
    ended_at: float | None = None
    failures: int = 0
    """Attempts in a row that failed."""
    failing_since: float | None = None
    failed_at: float | None = None
    failure: ConnectFailure | None = None

    def note_advertisement(self, source: str, at: float, rssi: int | None) -> None:
        """Keep that a source has heard the link."""
        if source not in self.heard and len(self.heard) >= MOST_SOURCES:
            return
        self.heard[source] = at
        if rssi is not None and rssi in POSSIBLE:
            known = self.strengths.get(source)
            self.strengths[source] = (
                known.heard(at, rssi) if known else StrengthOverTime(at, rssi)
            )

    def note_connection(self, seen_at: float | None = None) -> None:
        """Keep when the connection came about at the source that holds it, and when it was seen.

        Its source may become known only while it stands.
        """
        source, since = self.via, self.connected_since
        if source is None or since is None:
            return
        if source not in self.connected and len(self.connected) >= MOST_SOURCES:
            return
        before = self.connected.get(source, since)
        if before != since and source in self.disconnected:
            self.earlier[source] = before, self.disconnected[source]
        self.connected[source] = since
        if seen_at is not None:
            self.disconnected[source] = seen_at

    def sample(self, source: str, at: float, allocated: Collection[str]) -> LinkSample:
        """The link as seen from one adapter."""
        known = self.strengths.get(source)
        polled_lately = (
            self.ended_at is not None and at - self.ended_at <= POLLED_WITHIN
        )
        idle = self.in_use_since is None and (
            self.ended_at is None or at - self.ended_at > STALE_AFTER
        )
        return LinkSample(
            address=self.address,
            polled=polled_lately or self.in_use_since is not None,
            heard_at=self.heard.get(source),
            strength=known.strength(at) if known is not None else None,
            heard_elsewhere=tuple(
                (other, when) for other, when in self.heard.items() if other != source
            ),
            failures=self.failures,
            failing_since=self.failing_since,
            failed_at=self.failed_at,
            failure=self.failure,
            connected_at=self.connected.get(source),
            disconnected_at=self.disconnected.get(source),
            earlier=(self.earlier[source],) if source in self.earlier else (),
            stale=idle and self.address in allocated,
        )


class LinkRecords:
    """The links of all banks."""

    def __init__(self) -> None:
        """Start with no link."""
        self._links: dict[str, LinkRecord] = {}
        self._advertisements: dict[str, deque[float]] = {}
        self._allocated: dict[str, frozenset[str]] = {}
        self.slot_freed: Callable[[], None] = lambda: None
        """What is called when a connection slot becomes free somewhere."""

    @property
    def addresses(self) -> Collection[str]:
        """The addresses of the links."""
        return self._links.keys()

    def keep(self, addresses: Collection[str]) -> None:
        """Keep records of exactly these links."""
        for address in self._links.keys() - set(addresses):
            del self._links[address]
        for address in addresses:
            self._links.setdefault(address, LinkRecord(address))

    def advertisement(
        self, link: str, source: str, at: float, rssi: int | None
    ) -> None:
        """Take note of an advertisement."""
        record = self._links.get(link)
        if record is None:
            return
        record.note_advertisement(source, at, rssi)
        times = self._advertisements.setdefault(
            source, deque(maxlen=MOST_ADVERTISEMENTS)
        )
        times.append(at)

    def allocated(self, source: str, addresses: Collection[str]) -> None:
        """Take note of which devices a source is connected to."""
        freed = self._allocated.pop(source, frozenset()).difference(addresses)
        if addresses:
            self._allocated[source] = frozenset(addresses)
        for record in self._links.values():
            if record.in_use_since is not None and record.address in addresses:
                record.via = source
        if freed:
            self.slot_freed()

    def _record(self, link: str) -> LinkRecord:
        """Return the record of a link; the record of a link that is in no bank is dropped."""
        return self._links.get(link) or LinkRecord(link)

    def connecting(self, link: str, at: float) -> None:
        """Take note that a link is being connected to."""
        record = self._record(link)
        record.in_use_since, record.via, record.connected_since = at, None, None

    def connected(self, link: str, at: float, only_source: str | None) -> None:
        """Take note that a link is connected.

        `only_source` is the source that the connection must go through if that is certain.
        """
        record = self._record(link)
        record.failures, record.failing_since, record.failure = 0, None, None
        record.via = record.via or only_source
        record.connected_since = at
        record.note_connection()

    def failed(self, link: str, at: float, failure: ConnectFailure) -> None:
        """Take note that an attempt to connect to a link has failed."""
        record = self._record(link)
        record.in_use_since, record.ended_at = None, at
        record.failures += 1
        record.failed_at, record.failure = at, failure
        if record.failing_since is None:
            record.failing_since = at

    def given_up(self, link: str, at: float) -> None:
        """Take note that an attempt to connect has ended, and the link is not to blame."""
        record = self._record(link)
        record.in_use_since, record.ended_at = None, at

    def disconnected(self, link: str, at: float) -> None:
        """Take note that the connection to a link has ended."""
        record = self._record(link)
        record.note_connection(at)
        record.in_use_since, record.ended_at = None, at

    def failure(self, link: str) -> ConnectFailure | None:
        """Return how the last attempt to connect to a link failed, None if it did not."""
        return self._record(link).failure

    def polling_paused(self, link: str) -> None:
        """Take note that a link is not polled for now, and forget how its polls went."""
        record = self._record(link)
        record.in_use_since = record.ended_at = None
        record.failures, record.failing_since = 0, None
        record.failed_at = record.failure = None

    def still_connected(self, link: str, at: float) -> None:
        """Take note that a link that is kept connected has answered."""
        self._record(link).note_connection(at)

    @property
    def has_failures(self) -> bool:
        """Whether the last poll of any link got no connection."""
        return any(record.failures for record in self._links.values())

    @property
    def in_use(self) -> frozenset[str]:
        """The links that are being connected to, or connected."""
        return frozenset(
            record.address
            for record in self._links.values()
            if record.in_use_since is not None
        )

    def in_use_through(self, source: str) -> frozenset[str]:
        """Return the links in use that may be so through a source."""
        return frozenset(
            link for link in self.in_use if self._record(link).via in {None, source}
        )

    def rate(self, source: str, at: float) -> float:
        """Advertisements of our links through a source, per minute."""
        times = self._advertisements.get(source)
        if not times:
            return 0.0
        while times and at - times[0] > RATE_SPAN:
            times.popleft()
        return 60.0 * len(times) / RATE_SPAN

    def samples(
        self, source: str, at: float, allocated: Collection[str]
    ) -> tuple[LinkSample, ...]:
        """All links as seen from one adapter."""
        return tuple(
            record.sample(source, at, allocated) for record in self._links.values()
        )

    def heard_by(self, sources: Collection[str], at: float, within: float) -> bool:
        """Whether one of these sources has lately heard one of the links."""
        return any(
            source in sources and at - when <= within
            for record in self._links.values()
            for source, when in record.heard.items()
        )

    def strengths(
        self, link: str, at: float, within: float
    ) -> Iterator[tuple[str, Strength]]:
        """Yield each source that has lately heard a link, with the strength at it."""
        record = self._record(link)
        for source, known in record.strengths.items():
            if at - record.heard[source] <= within:
                yield source, known.strength(at)

    def heard_elsewhere(self, source: str, at: float, within: float) -> bool:
        """Whether another source hears one of the links."""
        return any(
            other != source and at - when <= within
            for record in self._links.values()
            for other, when in record.heard.items()
        )
