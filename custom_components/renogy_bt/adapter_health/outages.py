# SPDX-License-Identifier: Apache-2.0
"""Times in which no connection comes about although links are heard, and that end by themselves.

A neighbour's machine that runs for some minutes every night is no fault of the adapter. Such an
outage is learned, also where a step was taken meanwhile: a step that helps shows its effect at
once. If an outage ends with a step, that may be chance. So when it comes again at the same time
of the day, the next step waits for longer; only if the outage lasts as long is the step the cure.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Self

from .samples import DAY, HOUR, AdapterSample, LinkSample, latest
from .spans import LearnedSpans

EFFECT_WITHIN = 45.0
"""A step that helps lets polls succeed at once: one that failed later failed in spite of it, s."""
MARGIN = 1.5
SAME_HOUR = 2 * HOUR
"""Two outages at the same time of the day begin no further apart, whatever the day, s."""
DOUBTED_FOR = 8 * DAY
LONGEST_TRIAL = HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Outages:
    """The outages of one adapter: the present one, and how long they usually last."""

    learned: LearnedSpans = field(default_factory=LearnedSpans)
    since: float | None = None
    touched_at: float | None = None
    """When something was last done to the adapter during this outage."""
    outlasted: bool = False
    """Polls have failed after that, when its effect would have shown."""
    looked_at: float | None = None
    doubted_since: float | None = None
    """When the last outage began that ended with a step."""
    doubted: float = 0.0
    """How long it lasted, s."""
    proven_at: float | None = None
    """When a step has ended an outage that was given the time to end by itself."""

    def after_look(
        self, sample: AdapterSample, touched_at: float | None, *, broken: bool
    ) -> Self:
        """What is known after a further sample; `broken` if looks do not join up."""
        polled = [link for link in sample.links if link.polled]
        failing_since = _all_failing_since(polled)
        if broken or self.since is None:
            return self._anew(sample.at, None if broken else failing_since)
        outage = self._touched(touched_at)
        connected_at = latest(*(link.connected_at for link in polled))
        if connected_at is not None and connected_at > self.since:
            return replace(self._anew(sample.at, None), **outage.lesson(connected_at))
        if failing_since is None:
            # They were reached through something else, or are not polled any more.
            return self._anew(sample.at, None)
        if outage.touched_at is None:
            return replace(outage, looked_at=sample.at)
        failed_at = min(link.failed_at or 0.0 for link in polled)
        return replace(
            outage,
            outlasted=failed_at > outage.touched_at + EFFECT_WITHIN,
            looked_at=sample.at,
        )

    def _touched(self, at: float | None) -> Self:
        """The present outage after something was done to the adapter: its effect is open."""
        assert self.since is not None
        if at is None or at < self.since or at <= (self.touched_at or 0.0):
            return self
        return replace(self, touched_at=at, outlasted=False)

    def patience(self, since: float) -> float:
        """Age that an outage must have before it can be more than what is usual here, s."""
        usual = MARGIN * self.learned.longest
        if not self._is_doubted(since):
            return usual
        trial = min(2.0 * self.doubted, LONGEST_TRIAL)
        return max(usual, trial)

    def _is_doubted(self, since: float) -> bool:
        if self.proven_at is not None or self.doubted_since is None:
            return False
        apart = since - self.doubted_since
        off = abs((apart + DAY / 2) % DAY - DAY / 2)
        return DAY / 2 <= apart <= DOUBTED_FOR and off <= SAME_HOUR

    def _anew(self, at: float, since: float | None) -> Self:
        passed = 0.0 if self.looked_at is None else max(at - self.looked_at, 0.0)
        return replace(
            self,
            learned=self.learned.after_span(0.0, min(passed, DAY)),
            since=since,
            touched_at=None,
            outlasted=False,
            looked_at=at,
        )

    def lesson(self, at: float) -> dict[str, Any]:
        """What the end of the present outage teaches."""
        assert self.since is not None
        length = at - self.since
        if self.touched_at is None or self.outlasted:
            learned = self.learned.after_span(length, 0.0)
            return {"learned": learned, "doubted_since": None, "proven_at": None}
        if self._is_doubted(self.since) and length >= self.patience(self.since):
            return {"doubted_since": None, "proven_at": at}
        return {"doubted_since": self.since, "doubted": length}


def _all_failing_since(polled: list[LinkSample]) -> float | None:
    """Since when every link has failed, None if one has not or none is polled."""
    times = [link.failing_since for link in polled]
    failing = [at for at in times if at is not None]
    return max(failing) if failing and len(failing) == len(times) else None
