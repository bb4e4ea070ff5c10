# SPDX-License-Identifier: Apache-2.0
"""Whether the batteries of a bank have been out of balance for long enough for a notice."""

from typing import Final

# A battery that was charged alone, or calibrates itself, needs time to come back.
NOTICE_SECONDS: Final = 3600.0
# After a longer gap it is unknown whether the imbalance lasted.
LONGEST_GAP: Final = 1800.0
# A noticed imbalance is over at this share of the limit, so that it does not come and go.
OVER_SHARE: Final = 0.8


class ImbalanceWatch:
    """Watches the spread of the state of charge between the batteries of one bank, in %.

    A `limit` of 0 switches the watch off; `is_noticed` tells whether the imbalance was
    noticed before, by `noticed_limit`. Where the user has raised the limit since, what is
    within the new one is over at once.
    """

    def __init__(
        self,
        limit: float,
        *,
        is_noticed: bool = False,
        noticed_limit: float | None = None,
    ) -> None:
        """Begin without any reading."""
        self._limit = limit
        self.is_noticed = is_noticed and limit > 0
        is_raised = noticed_limit is not None and limit > noticed_limit
        self._over_share = 1.0 if is_raised else OVER_SHARE
        self._beyond_since: float | None = None
        self._at: float | None = None

    def advance(self, at: float, spread: float | None) -> bool:
        """Take a spread at a time of a clock that never jumps (s); tell whether to notify.

        None, while a battery is missing, changes nothing: the spread of the others says
        nothing about the bank.
        """
        if spread is None or not self._limit:
            return self.is_noticed
        if self._at is not None and at - self._at > LONGEST_GAP:
            self._beyond_since = None
        self._at = at
        if spread <= self._limit:
            self._beyond_since = None
        elif self._beyond_since is None:
            self._beyond_since = at
        if self.is_noticed:
            self.is_noticed = spread > self._over_share * self._limit
            self._over_share = OVER_SHARE
        elif self._beyond_since is not None:
            self.is_noticed = at - self._beyond_since >= NOTICE_SECONDS
        return self.is_noticed
