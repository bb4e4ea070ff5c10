"""What one poll of a link brought, its failure included."""

from .exceptions import RenogyError
from .models import LinkReport

type LinkOutcome = LinkReport | RenogyError


def was_left_out(outcome: LinkOutcome) -> bool:
    """Tell whether a link was not polled at all, because its polling is switched off."""
    return isinstance(outcome, LinkReport) and not outcome.polled


def link_error(outcome: LinkOutcome) -> str | None:
    """Return why a link brought no reading at all, or None."""
    if isinstance(outcome, RenogyError):
        return str(outcome)
    if outcome.readings or was_left_out(outcome):
        return None
    return ", ".join(sorted(set(outcome.failed.values()))).replace("_", " ")
