# SPDX-License-Identifier: Apache-2.0
"""When a link that is kept connected is let go for a moment, so that it is heard.

A peripheral that is connected does not advertise. Where nothing else is heard, Home Assistant takes
the silence of its scanner for a broken adapter: after 90 s it restarts the scan, and then resets
the adapter again and again. So the link breathes: it is let go until the scanner has heard it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

BREATHE_AFTER: Final = 50.0
"""A scanner that has heard nothing for so long is to hear the link, s. Two breaths fit into the
90 s after which Home Assistant restarts the scan: the first may go by unheard."""
BREATHE_AGAIN_AFTER: Final = 10.0
"""How long the link is read between two breaths of which the first went by unheard, s."""
LONGEST_BREATH: Final = 7.0
"""How long the link stays let go, s. The scan of a kernel pauses for 5 s, and a link advertises
every second or two. With 2 s to disconnect and 4 s to connect the gap is below 15 s."""

CROWD: Final = 3
"""So many devices do not all fall silent at once by chance: the scan is stuck."""
HEARD_JUST_NOW: Final = 10.0
"""Two looks, s."""
CROWD_SECONDS: Final = 300.0
"""Where they are not back after so long they are gone all the same, s: by then Home Assistant,
or a recovery step, has reset an adapter whose scan was stuck."""


@dataclass(slots=True)
class Company:
    """How many devices an adapter heard when it last heard any.

    Where a crowd falls silent at once it is not the silence of a link that is kept: to let it go
    would bring nothing, and nobody could connect to it again while the scan is stuck.
    """

    devices: int = 0
    at: float = float("-inf")

    def seen(self, at: float, silence: float, devices: int) -> None:
        """Take note of a look: how many devices were heard within a minute."""
        if devices and silence < HEARD_JUST_NOW:
            self.devices, self.at = devices, at

    def has_vanished(self, at: float) -> bool:
        """Tell whether a silence is that of a crowd that was heard a moment ago."""
        return self.devices >= CROWD and at - self.at < CROWD_SECONDS


def is_breath_due(
    silences: Iterable[float], breathed_ago: float | None, *, another_breathes: bool
) -> bool:
    """Tell whether a link is to be let go, by how long each adapter near it has heard nothing.

    `breathed_ago` is since when the last breath is over, None without one. Of several links one
    at a time breathes: whoever is heard breaks the silence for all of them.
    """
    if another_breathes:
        return False
    if breathed_ago is not None and breathed_ago < BREATHE_AGAIN_AFTER:
        return False
    return max(silences, default=0.0) >= BREATHE_AFTER


def is_breath_over(silences: Iterable[float], since: float) -> bool:
    """Tell whether every adapter has heard something since the link was let go, s ago."""
    return since >= LONGEST_BREATH or max(silences, default=since) < since
