# SPDX-License-Identifier: Apache-2.0
"""The scales of the currents of the batteries behind one link."""

from typing import Any

from ..renogy.current_scale import ChargeSample
from ..renogy.found_scale import BatteryScale, FoundScale
from ..renogy.link import RenogyLink
from ..renogy.models import LinkReport
from .settings import LinkSettings


class LinkScales:
    """Measures the scales poll by poll, and has the client count by them."""

    def __init__(self, settings: LinkSettings, client: RenogyLink) -> None:
        """Go on from what is stored."""
        table = settings.family.known_divisor
        self._client = client
        self._scales = {
            battery.unit: BatteryScale(table, battery.scale)
            for battery in settings.batteries
        }
        for unit in self._scales:
            self._apply(unit)

    @property
    def found(self) -> dict[int, FoundScale]:
        """What was found besides what the family says, by unit id."""
        return {
            unit: scale.found
            for unit, scale in self._scales.items()
            if scale.found is not None
        }

    @property
    def unknown(self) -> frozenset[int]:
        """The unit ids whose currents have no known scale, whether they answer or not."""
        return frozenset(
            unit for unit, scale in self._scales.items() if scale.divisor is None
        )

    @property
    def are_in_question(self) -> bool:
        """Whether a scale is not known, or about to be contradicted."""
        return any(scale.is_in_question for scale in self._scales.values())

    def polled(self, at: float, report: LinkReport) -> bool:
        """Take a poll at a time of a clock that never jumps (s); tell whether a scale is new."""
        before = self.found
        for unit, scale in self._scales.items():
            if unit in report.identity_changed:
                scale.forget()
            if unit in report.fresh:
                reading = report.readings[unit]
                scale.take(
                    ChargeSample(
                        at=at,
                        count=reading.current_count,
                        remaining=reading.remaining_capacity,
                        total=reading.total_capacity,
                    )
                )
            else:
                scale.missed()
        found = self.found
        for unit in self._scales:
            if found.get(unit) != before.get(unit):
                self._apply(unit)
        return found != before

    def missed(self) -> None:
        """Take note of a poll that did not reach the link."""
        for scale in self._scales.values():
            scale.missed()

    def told(self, unit: int, divisor: int) -> None:
        """Take the user's word for the scale of a battery's current."""
        self._scales[unit].tell(divisor)
        self._apply(unit)

    def forget(self, unit: int) -> None:
        """Begin anew with a unit: it is another battery than the one before a start."""
        self._scales[unit].forget()
        self._apply(unit)

    def diagnostics(self, unit: int) -> dict[str, Any]:
        """Return which scale is used, and how far the measurement has come."""
        return self._scales[unit].diagnostics()

    def _apply(self, unit: int) -> None:
        self._client.count_current_by(unit, self._scales[unit].divisor)
