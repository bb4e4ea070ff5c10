"""What is kept of links: only of those that are ours, and never without bound."""

from custom_components.renogy_bt.supervisor.link_records import (
    MOST_SOURCES,
    LinkRecords,
)

LINK = "6C:B2:FD:A1:B2:C3"
STRANGER = "00:11:22:33:44:55"
ADAPTER = "B8:27:EB:00:00:01"


def records() -> LinkRecords:
    """Return the records of one link."""
    kept = LinkRecords()
    kept.keep({LINK})
    return kept


def test_strangers_leave_no_trace() -> None:
    """What happens to a device that is no link of ours is not kept."""
    kept = records()
    kept.advertisement(STRANGER, ADAPTER, 1.0, -60)
    kept.poll_started(STRANGER, 2.0, steps=0)
    assert not kept.polling
    excused = kept.poll_ended(STRANGER, 3.0, connected=False, only_source=None, steps=1)
    assert not excused
    kept.polling_paused(STRANGER)
    assert list(kept.addresses) == [LINK]
    assert kept.rate(ADAPTER, 4.0) == 0


def test_sources_are_bounded() -> None:
    """An air full of proxies that come and go does not grow the records for ever."""
    kept = records()
    for number in range(MOST_SOURCES + 5):
        kept.advertisement(LINK, f"proxy {number}", float(number), -60)
    (sample,) = kept.samples(ADAPTER, 100.0, ())
    assert len(sample.heard_elsewhere) == MOST_SOURCES
    # A source that is known goes on being heard.
    kept.advertisement(LINK, "proxy 0", 99.0, -60)
    (sample,) = kept.samples(ADAPTER, 100.0, ())
    assert ("proxy 0", 99.0) in sample.heard_elsewhere


def test_link_that_is_left_out_is_forgotten() -> None:
    """A link that is no longer kept is not reported any more."""
    kept = records()
    kept.advertisement(LINK, ADAPTER, 1.0, -60)
    kept.keep(())
    assert kept.samples(ADAPTER, 2.0, ()) == ()


def test_poll_of_which_the_path_is_not_known() -> None:
    """A poll counts as no connection through a source unless it certainly was one."""
    kept = records()
    for source, connected_at in ((None, None), (ADAPTER, 3.0)):
        kept.poll_started(LINK, 2.0, steps=0)
        kept.poll_ended(LINK, 3.0, connected=True, only_source=source, steps=0)
        (sample,) = kept.samples(ADAPTER, 4.0, ())
        assert sample.connected_at == connected_at


def test_sources_of_connections_are_bounded() -> None:
    """As many sources as are heard can be connected through, not more."""
    kept = records()
    for number in range(MOST_SOURCES + 1):
        kept.poll_started(LINK, float(number), steps=0)
        kept.allocated(f"proxy {number}", {LINK})
        kept.poll_ended(LINK, float(number), connected=True, only_source=None, steps=0)
    last, one_too_many = f"proxy {MOST_SOURCES - 1}", f"proxy {MOST_SOURCES}"
    assert kept.samples(last, 100.0, ())[0].connected_at == MOST_SOURCES - 1
    assert kept.samples(one_too_many, 100.0, ())[0].connected_at is None
