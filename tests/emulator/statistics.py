# SPDX-License-Identifier: Apache-2.0
"""What a link counted: traffic, violations, and the line's own time."""

from dataclasses import asdict, dataclass, field
from typing import Any

MAX_KEPT_VIOLATIONS = 20


@dataclass(slots=True)
class LinkStatistics:
    """Counters of one link since the world began.

    `connect_seconds` and `reply_seconds` are the modelled delays: the least time that
    a perfect client spends on what this one asked for. `reply_bytes` counts what the
    units sent, `notifications` the pieces it arrived in. `violations` keeps the last
    requests, in hex, that were no reads.
    """

    connects: int = 0
    failed_connects: int = 0
    disconnects: int = 0
    requests: int = 0
    ignored_requests: int = 0
    request_bytes: int = 0
    replies: int = 0
    exceptions: int = 0
    reply_bytes: int = 0
    notifications: int = 0
    connect_seconds: float = 0.0
    reply_seconds: float = 0.0
    writes: int = 0
    violations: list[str] = field(default_factory=list)

    def count_violation(self, frame: bytes) -> None:
        """Keep a request that would have changed a device."""
        self.writes += 1
        self.violations.append(frame.hex())
        del self.violations[:-MAX_KEPT_VIOLATIONS]

    def as_dict(self) -> dict[str, Any]:
        """Return the counters as plain data."""
        return asdict(self)
