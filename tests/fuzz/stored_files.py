# SPDX-License-Identifier: Apache-2.0
"""What a disk or a hand may have made of our files, read by Home Assistant's own storage."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from dataclasses import fields, is_dataclass
from datetime import datetime
import json
import logging
import math
from pathlib import Path
import random
from tempfile import TemporaryDirectory
from typing import Any, override

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.storage.adapters import (
    STORAGE_KEY,
    AdapterStore,
    data_of,
)
from custom_components.renogy_bt.storage.flight_records import (
    OF_ADAPTERS,
    FlightRecordStore,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from tests.storage.files import ADAPTERS, KINDS, Kind
from tests.upgrade import STORAGE_0_1_0

from .stored_bank import damage

# As documented, not as the code has it: more than any battery's energy in Wh, or moment in s.
MOST = 1e13


async def read_all_adapters(hass: HomeAssistant, _: str) -> object:
    """Return what is kept of each adapter, and what would be kept of it again."""
    store = AdapterStore(hass, list[AdapterHealth])
    await store.async_load()
    old = OLD["adapters"][0]["data"]["adapters"]
    addresses = [*ADAPTERS.data["adapters"], *old, "new"]
    healths = [store.health_of(address) for address in addresses]
    again = [data_of(health, hass.loop.time()) for health in healths]
    json.dumps(again, allow_nan=False)
    return again, list(store.left_off())


async def read_records(hass: HomeAssistant, _: str) -> object:
    """Return the records of the flight recorders."""
    store = FlightRecordStore(hass, OF_ADAPTERS, dict)
    await store.async_load()
    return dict(store.before)


RECORDS = Kind(
    key=lambda _: OF_ADAPTERS,
    read=read_records,
    data={"records": {"B8:27:EB:00:00:01": '[{"at": 1.5, "what": "seen"}]'}},
)
STORES = {
    "energy": KINDS[0],
    "alarms": KINDS[1],
    "adapters": Kind(
        key=lambda _: STORAGE_KEY,
        read=read_all_adapters,
        data=ADAPTERS.data,
        minor_version=ADAPTERS.minor_version,
    ),
    "history": KINDS[3],
    "records": RECORDS,
}


def _old_frames() -> Mapping[str, list[Any]]:
    """Return the files of version 0.1.0, by store."""
    names = {"energy": "energy.*", "alarms": "alarms.*", "adapters": "bluetooth_health"}
    return {
        store: [
            json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(STORAGE_0_1_0.glob(f"renogy_bt.{name}"))
        ]
        for store, name in names.items()
    }


OLD = _old_frames()


class _AtOnce(ThreadPoolExecutor):
    """Runs what is given to it at once: a thread for each of 100,000 files takes its time."""

    @override
    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001
            future.set_exception(error)
        return future


def damaged_file(chance: random.Random, store: str) -> Any:
    """Return a file, of today or of version 0.1.0, with some things changed in it."""
    frames = [STORES[store].frame(), *OLD.get(store, ())]
    frame = {"file": deepcopy(chance.choice(frames))}
    for _ in range(chance.randrange(1, 5)):
        damage(chance, frame["file"] if isinstance(frame.get("file"), dict) else frame)
    return frame.get("file")


def check_file(store: str, content: Any) -> None:
    """Read a file; fail where something is made of it that cannot be, or an error comes out."""
    logging.disable(logging.CRITICAL)
    try:
        with TemporaryDirectory(prefix="renogy_bt-fuzz-") as folder:
            asyncio.run(_check(Path(folder), store, content))
    finally:
        logging.disable(logging.NOTSET)


async def _check(folder: Path, store: str, content: Any) -> None:
    asyncio.get_running_loop().set_default_executor(_AtOnce())
    hass = HomeAssistant(str(folder))
    await ir.async_load(hass, load_empty=True)
    kind = STORES[store]
    path = folder / ".storage" / kind.key("test")
    path.parent.mkdir()
    raw = json.dumps(content).encode()
    path.write_bytes(raw)
    found = await kind.read(hass, "test")
    _check_values(found)
    kept = [each.read_bytes() for each in path.parent.glob(f"{path.name}*")]
    assert len(kept) == 1, "a file is left as it is, brought up to date, or set aside"
    if not path.exists():
        assert kept == [raw], "what was damaged is kept as it was"
    elif path.read_bytes() == raw:
        assert await kind.read(hass, "test") is not None


def _check_values(found: Any) -> None:
    """Fail where a number is none or beyond all bounds, or a text has no end."""
    match found:
        case bool() | None | datetime():
            pass
        case int() | float():
            assert math.isfinite(found) and abs(found) <= MOST, found
        case str():
            assert len(found) <= 200_000
        case Mapping():
            for key, value in found.items():
                _check_values(key)
                _check_values(value)
        case list() | tuple() | set() | frozenset():
            for each in found:
                _check_values(each)
        case _ if is_dataclass(found):
            for each in fields(found):
                _check_values(getattr(found, each.name))
