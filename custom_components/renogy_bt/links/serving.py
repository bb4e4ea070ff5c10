"""Which adapter or proxy serves a connection, as far as that is certain."""

from collections.abc import Mapping

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BaseHaScanner
from homeassistant.core import HomeAssistant, callback

from ..supervisor.neighbours import is_connectable, name_of, slots_of


@callback
def async_serving_scanner(hass: HomeAssistant, address: str) -> str | None:
    """Return the name of the adapter or proxy through which a link is connected just now.

    Home Assistant chooses the path of a connection and does not say which one it took, but
    each scanner tells which devices hold its connection slots.
    """
    scanners = {
        scanner.source: scanner
        for scanner in bluetooth.async_current_scanners(hass)
        if is_connectable(scanner)
    }
    source = serving(
        {source: _holds(scanner, address) for source, scanner in scanners.items()}
    )
    return None if source is None else name_of(scanners[source])


def _holds(scanner: BaseHaScanner, address: str) -> bool | None:
    slots = slots_of(scanner)
    return None if slots is None else address.upper() in slots.allocated


def serving(holding: Mapping[str, bool | None]) -> str | None:
    """Return which source serves a connection, None where that is not certain.

    `holding` tells of each source whether the connection holds one of its slots, None where
    it does not tell. A slot can be left behind by an earlier connection, and a proxy's news
    come late: with several sources one must hold it, and all others must say that they do not.
    """
    if len(holding) == 1:
        return next(iter(holding))
    holders = [source for source, holds in holding.items() if holds]
    return holders[0] if len(holders) == 1 and None not in holding.values() else None
