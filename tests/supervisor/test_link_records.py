# SPDX-License-Identifier: Apache-2.0
"""What is kept of links: only of those that are ours, and never without bound."""

from dataclasses import replace

from custom_components.renogy_bt.adapter_health.connects import LinkMemory
from custom_components.renogy_bt.adapter_health.samples import (
    ConnectFailure,
    LinkSample,
    Strength,
)
from custom_components.renogy_bt.supervisor.link_records import (
    MOST_SOURCES,
    LinkRecords,
)

LINK = "6C:B2:FD:A1:B2:C3"
STRANGER = "00:11:22:33:44:55"
ADAPTER = "B8:27:EB:00:00:01"
GOOD = Strength(mean=-60.0)


def records() -> LinkRecords:
    """Return the records of one link."""
    kept = LinkRecords()
    kept.keep({LINK})
    return kept


def test_strangers_leave_no_trace() -> None:
    """What happens to a device that is no link of ours is not kept."""
    kept = records()
    kept.advertisement(STRANGER, ADAPTER, 1.0, -60)
    kept.connecting(STRANGER, 2.0)
    assert not kept.in_use
    kept.failed(STRANGER, 3.0, ConnectFailure.FAILED)
    kept.given_up(STRANGER, 3.0)
    kept.connected(STRANGER, 3.0, None)
    kept.disconnected(STRANGER, 3.0)
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


def test_connection_of_which_the_path_is_not_known() -> None:
    """A connection counts as one through a source only if it certainly was one."""
    kept = records()
    for source, connected_at, used_at in ((None, None, None), (ADAPTER, 2.5, 3.0)):
        kept.connecting(LINK, 2.0)
        kept.connected(LINK, 2.5, source)
        kept.disconnected(LINK, 3.0)
        (sample,) = kept.samples(ADAPTER, 4.0, ())
        assert (sample.connected_at, sample.used_at) == (connected_at, used_at)


def test_end_of_a_connection_is_no_further_connection() -> None:
    """A connection is counted when it comes about; its end shows only that it stood."""
    kept = records()
    seen: list[LinkSample] = []
    for began in (10.0, 70.0):
        kept.connecting(LINK, began)
        kept.connected(LINK, began + 2, ADAPTER)
        seen += kept.samples(ADAPTER, began + 5, ())
        kept.disconnected(LINK, began + 9)
        seen += kept.samples(ADAPTER, began + 10, ())
    assert [sample.connected_at for sample in seen] == [12.0, 12.0, 72.0, 72.0]
    assert [sample.used_at for sample in seen] == [12.0, 19.0, 72.0, 79.0]
    memory, intervals = LinkMemory(), []
    for sample in seen:
        memory = memory.after_look(replace(sample, strength=GOOD), None)
        intervals.append(memory.poll_interval)
    assert sum(memory.learned.tries) == 2
    assert intervals[-1] == 60.0


def test_source_that_is_known_only_while_connected() -> None:
    """The connection came about when it did, not when it was told where."""
    kept = records()
    kept.connecting(LINK, 10.0)
    kept.connected(LINK, 12.0, None)
    kept.allocated(ADAPTER, {LINK})
    kept.disconnected(LINK, 19.0)
    (sample,) = kept.samples(ADAPTER, 20.0, ())
    assert (sample.connected_at, sample.used_at) == (12.0, 19.0)
    # The next one goes nowhere that is known: it leaves no trace.
    kept.connecting(LINK, 70.0)
    kept.connected(LINK, 72.0, None)
    kept.disconnected(LINK, 79.0)
    assert kept.samples(ADAPTER, 80.0, ())[0].used_at == 19.0


def test_sources_of_connections_are_bounded() -> None:
    """As many sources as are heard can be connected through, not more."""
    kept = records()
    for number in range(MOST_SOURCES + 1):
        kept.connecting(LINK, float(number))
        kept.allocated(f"proxy {number}", {LINK})
        kept.connected(LINK, float(number), None)
        kept.disconnected(LINK, float(number))
    last, one_too_many = f"proxy {MOST_SOURCES - 1}", f"proxy {MOST_SOURCES}"
    assert kept.samples(last, 100.0, ())[0].connected_at == MOST_SOURCES - 1
    assert kept.samples(one_too_many, 100.0, ())[0].connected_at is None


def test_attempts_that_fail() -> None:
    """Failures are counted from the first one on until the link is connected."""
    kept = records()
    for at in (10.0, 20.0):
        kept.connecting(LINK, at)
        assert kept.in_use
        kept.failed(LINK, at + 5, ConnectFailure.FAILED)
        assert not kept.in_use
    (sample,) = kept.samples(ADAPTER, 26.0, ())
    assert (sample.failures, sample.failing_since, sample.failed_at) == (2, 15.0, 25.0)
    assert sample.polled
    kept.connecting(LINK, 30.0)
    kept.connected(LINK, 31.0, None)
    assert kept.in_use
    (sample,) = kept.samples(ADAPTER, 32.0, ())
    assert (sample.failures, sample.failing_since) == (0, None)
    kept.disconnected(LINK, 33.0)
    assert not kept.in_use


def test_attempt_that_others_ended() -> None:
    """An attempt that was broken off is no failure, and does not make up for one."""
    kept = records()
    kept.connecting(LINK, 10.0)
    kept.given_up(LINK, 15.0)
    assert not kept.in_use
    (sample,) = kept.samples(ADAPTER, 16.0, ())
    assert (sample.failures, sample.failing_since) == (0, None)
    kept.connecting(LINK, 20.0)
    kept.failed(LINK, 25.0, ConnectFailure.FAILED)
    kept.connecting(LINK, 30.0)
    kept.given_up(LINK, 35.0)
    (sample,) = kept.samples(ADAPTER, 36.0, ())
    assert (sample.failures, sample.failing_since) == (1, 25.0)


def test_connection_that_was_left_behind() -> None:
    """What stays connected long after its poll is stale, and not before."""
    kept = records()
    kept.connecting(LINK, 10.0)
    kept.connected(LINK, 11.0, ADAPTER)
    (sample,) = kept.samples(ADAPTER, 100.0, {LINK})
    assert not sample.stale
    kept.disconnected(LINK, 100.0)
    for at, stale in ((130.0, False), (131.0, True)):
        (sample,) = kept.samples(ADAPTER, at, {LINK})
        assert sample.stale is stale


def test_link_whose_polling_is_paused() -> None:
    """What came of its polls means nothing any more, and it counts as not polled."""
    kept = records()
    kept.connecting(LINK, 10.0)
    kept.failed(LINK, 15.0, ConnectFailure.FAILED)
    kept.polling_paused(LINK)
    (sample,) = kept.samples(ADAPTER, 16.0, ())
    assert (sample.polled, sample.failures, sample.failing_since) == (False, 0, None)


def test_strength_is_kept_for_each_source() -> None:
    """Each adapter and proxy hears a link in its own way; what is no strength is not known."""
    kept = records()
    for source, rssi in ((ADAPTER, -88), ("proxy", -60), ("odd", 127), ("mute", None)):
        kept.advertisement(LINK, source, 1.0, rssi)
    strengths = {
        source: kept.samples(source, 2.0, ())[0].strength
        for source in (ADAPTER, "proxy", "odd", "mute")
    }
    assert strengths == {
        ADAPTER: Strength(mean=-88.0),
        "proxy": Strength(mean=-60.0),
        "odd": None,
        "mute": None,
    }


def test_how_a_poll_failed() -> None:
    """The last failure tells how; a connection ends that."""
    kept = records()
    kept.failed(LINK, 1.0, ConnectFailure.DENIED)
    assert kept.samples(ADAPTER, 2.0, ())[0].failure is ConnectFailure.DENIED
    kept.connected(LINK, 3.0, None)
    assert kept.samples(ADAPTER, 4.0, ())[0].failure is None


def test_slot_that_becomes_free_is_told() -> None:
    """A connection that ends, on whichever adapter or proxy, is news; one that begins is not."""
    kept = records()
    freed: list[int] = []
    kept.slot_freed = lambda: freed.append(len(freed))
    for held in ({STRANGER}, {STRANGER, LINK}, {LINK}, {LINK}, set[str]()):
        kept.allocated(ADAPTER, held)
    assert freed == [0, 1]
    kept.allocated(STRANGER, {LINK})
    assert freed == [0, 1]


def test_a_kept_link_that_answers_is_in_use_through_its_adapter() -> None:
    """Its adapter is known to work each time that it answers, without a new connection."""
    kept = records()
    kept.connecting(LINK, 10.0)
    assert kept.in_use_through(ADAPTER) == kept.in_use_through("another") == {LINK}
    kept.connected(LINK, 11.0, ADAPTER)
    assert kept.in_use_through(ADAPTER) == {LINK}
    assert kept.in_use_through("another") == frozenset()
    kept.still_connected(LINK, 500.0)
    (sample,) = kept.samples(ADAPTER, 501.0, ())
    assert (sample.connected_at, sample.used_at) == (11.0, 500.0)
    assert sample.polled
    assert not sample.stale
    kept.disconnected(LINK, 600.0)
    assert kept.in_use == frozenset()


def test_a_kept_stranger_leaves_no_trace() -> None:
    """What answers without being in a bank is not kept."""
    kept = records()
    kept.still_connected(STRANGER, 5.0)
    assert list(kept.addresses) == [LINK]


def test_a_step_leaves_links_alone_that_another_adapter_holds() -> None:
    """Only what is idle, or may be connected through the adapter, is in the way of a step."""
    kept = LinkRecords()
    kept.keep({LINK, STRANGER})
    for link, source in ((LINK, ADAPTER), (STRANGER, "another")):
        kept.connecting(link, 10.0)
        kept.connected(link, 11.0, source)
    assert kept.in_use - kept.in_use_through(ADAPTER) == {STRANGER}
