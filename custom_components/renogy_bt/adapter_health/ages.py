"""How long ago things were: what is kept of a moment over a restart, which no clock outlasts."""

HOUR = 3600.0
DAY = 24 * HOUR


def age_of(moment: float | None, now: float | None) -> float | None:
    """Return how long ago a moment was, s; None for one that never came."""
    return None if moment is None or now is None else now - moment


def moment_of(age: object, now: float, oldest: float) -> float | None:
    """Return the moment that was kept as its age, None for what is no age up to `oldest`."""
    if (
        isinstance(age, int | float)
        and not isinstance(age, bool)
        and 0 <= age <= oldest
    ):
        return now - age
    return None
