# SPDX-License-Identifier: Apache-2.0
"""When a link that failed is tried again."""

from itertools import pairwise

from custom_components.renogy_bt.links.retries import Retries


def tries_when_heard(seconds: float, *, silent: bool = False) -> list[float]:
    """Return when a link is tried that is heard each second and fails all the time."""
    retries = Retries(60.0)
    tries: list[float] = []
    now = 0.0
    while now < seconds:
        if not tries or retries.is_due(now):
            if tries:
                retries.is_for_hearing = True
            tries.append(now)
            if silent:
                retries.silent(now, now)
            else:
                retries.unreached(now, now)
            retries.is_for_hearing = False
        now += 1.0
    return tries


def pauses(tries: list[float]) -> list[float]:
    """Return the times between tries."""
    return [after - before for before, after in pairwise(tries)]


def test_link_that_is_heard_is_tried_often_at_first() -> None:
    """No try is later than half a minute in the first quarter of an hour, then they get rare."""
    for silent in (False, True):
        found = pauses(tries_when_heard(3600.0, silent=silent))
        assert found[:4] == [5.0, 10.0, 20.0, 30.0]
        assert max(found[:30]) == 30.0
        assert sum(found[:31]) < 900.0 + 60.0
        assert found[-2:] == [300.0, 300.0]


def test_link_that_was_never_read_again_is_not_due() -> None:
    """A link that is read is due at no advertisement; one that failed is, after a pause."""
    retries = Retries(60.0)
    assert not retries.is_due(1e9)
    retries.unreached(100.0, 90.0)
    assert not retries.is_due(104.9)
    assert retries.is_due(105.0)
    assert retries.reached() == 100.0
    assert not retries.is_due(1e9)
    assert retries.reached() is None


def test_news_end_the_pause() -> None:
    """Whoever noticed that the path works: the link is due at once, and its pauses start anew."""
    retries = Retries(60.0)
    for at in range(0, 2000, 100):
        retries.is_for_hearing = True
        retries.unreached(float(at), float(at))
        retries.is_for_hearing = False
    assert not retries.is_due(2000.0)
    assert retries.path_works(2000.0)
    assert retries.is_due(2000.0)
    retries.is_for_hearing = True
    retries.unreached(2001.0, 2000.5)
    assert retries.is_due(2011.0)


def test_poll_over_the_path_as_it_was() -> None:
    """A poll that began before the news and fails after them brings no pause."""
    retries = Retries(60.0)
    retries.unreached(0.0, 0.0)
    retries.path_works(20.0)
    retries.unreached(30.0, 15.0)
    assert retries.is_due(30.0)
    retries.unreached(40.0, 31.0)
    assert not retries.is_due(44.0)


def test_only_links_that_failed_with_it_follow_another_link() -> None:
    """An outage is shared by links that began to fail within an interval and the pauses."""
    retries = Retries(60.0)
    assert not retries.path_works(10.0, 5.0)
    retries.unreached(1000.0, 1000.0)
    assert not retries.path_works(5000.0, 1400.0)
    assert retries.path_works(5000.0, 1350.0)
    assert retries.path_works(5000.0, 400.0)


def test_link_that_is_heard_seldom_is_tried_at_its_interval() -> None:
    """Its advertisements come minutes apart, so that no long pause ends by one."""
    for interval, expected in (
        (5.0, [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]),
        (60.0, [30.0, 60.0, 60.0, 60.0, 60.0, 60.0]),
        (600.0, [30.0, 60.0, 120.0, 240.0, 300.0, 300.0]),
    ):
        retries = Retries(interval)
        found = [retries.unreached(0.0, 0.0, is_heard_seldom=True) for _ in range(6)]
        assert found == expected


def test_link_that_is_not_heard_is_tried_less_and_less() -> None:
    """Where nothing is known of it an attempt is in vain; its advertisement brings the poll."""
    retries = Retries(60.0)
    found = [retries.unreached(0.0, 0.0) for _ in range(6)]
    assert found == [30.0, 60.0, 120.0, 240.0, 300.0, 300.0]


def test_link_that_was_not_heard_is_tried_when_it_first_is() -> None:
    """Without bluetoothd the next advertisement may be two minutes away."""
    retries = Retries(60.0)
    retries.unreached(100.0, 100.0, was_tried=False)
    assert retries.is_due(100.5)


def test_link_that_is_heard_where_nothing_connects_is_tried_less_and_less() -> None:
    """A listener hears it each second, and Home Assistant knows no path to it."""
    retries = Retries(60.0)
    retries.unreached(100.0, 100.0, was_tried=False)
    tries = [at for at in range(101, 500) if _is_tried(retries, float(at))]
    assert pauses([float(at) for at in tries])[:4] == [10.0, 20.0, 30.0, 30.0]


def _is_tried(retries: Retries, at: float) -> bool:
    """Try a link that is heard just now if it is due; tell whether it was."""
    if not retries.is_due(at):
        return False
    retries.is_for_hearing = True
    retries.unreached(at, at, was_tried=False)
    retries.is_for_hearing = False
    return True
