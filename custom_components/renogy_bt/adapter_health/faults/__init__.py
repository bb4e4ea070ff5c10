# SPDX-License-Identifier: Apache-2.0
"""All faults of an adapter as one table: the signs, the most basic first.

Strong evidence replaces waiting, weak evidence is given time, and where Home Assistant has a
management socket it resets adapters by itself and goes first.
"""

from . import adapter, bus, links, scan
from .sign import Seen, Sign

SIGNS: tuple[tuple[Seen, tuple[Sign, ...]], ...] = (
    (adapter.is_unwanted, (adapter.ENTRY_ABSENT, adapter.ENTRY_DISABLED)),
    (
        bus.is_troubled,
        (
            bus.unwatched,
            bus.no_socket,
            bus.access_denied,
            bus.down,
            bus.no_owner,
            bus.calls_unanswered,
        ),
    ),
    (
        bus.while_sound(adapter.is_troubled),
        (
            adapter.zeroed,
            adapter.replaced,
            adapter.never_seen,
            adapter.gone,
            adapter.other_index,
            adapter.not_found_by_host,
            adapter.blocked,
            adapter.powered_off,
            adapter.ENTRY_FAILED,
            adapter.entry_unloaded,
            scan.stalled,
            adapter.start_refused,
            adapter.setup_failing,
        ),
    ),
    (
        bus.while_sound(scan.is_expected),
        (
            scan.stalled,
            scan.restart_failing,
            scan.owner_changed,
            scan.adapter_returned,
            scan.power_cycled,
            scan.not_discovering,
        ),
    ),
    # Before what the links bring: a twin that is heard or not explains all of that.
    (bus.while_sound(adapter.has_twin), (adapter.same_address,)),
    # Without these facts nothing can be concluded from what the links bring.
    (scan.is_expected, (scan.unknown,)),
    (
        bus.while_sound(links.is_troubled),
        (
            links.connect_denied,
            links.slots_full,
            links.connects_need_discovery,
            links.stale_link,
            links.heard_on_bus,
            links.heard_elsewhere,
            links.unusual_silence,
            links.still_deaf,
            links.unexplained_silence,
            links.several_connects_fail,
            links.connects_fail,
        ),
    ),
)
"""Groups of signs, each behind what is so whenever one of its signs is seen."""
