# SPDX-License-Identifier: Apache-2.0
"""One way to read a file: rightly, or it is kept beside, told of once, and begun anew."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict
import errno
import json
import logging
import os
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.renogy_bt.bank.energy import EnergyTotals
from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.issues.storage import async_follow_files
from custom_components.renogy_bt.storage.energy import EnergyStore
from custom_components.renogy_bt.storage.shapes import fields
from custom_components.renogy_bt.storage.stored_file import StoredFile
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from tests.banks import bank_entry, link_settings, set_up
from tests.fake_air import DONGLE, FakeAir
from tests.renogy.fake_link import four_batteries

from .files import (
    ADAPTER,
    ADAPTERS,
    ALARMS,
    ENERGY,
    HEALTH,
    HISTORY,
    KINDS,
    LIFE,
    STEP,
    Folder,
    Kind,
    changed,
)

_WHO_TELLS = {"homeassistant.helpers.storage", "custom_components.renogy_bt"}


@pytest.fixture
def hass_storage() -> dict[str, Any]:
    """Leave storage as it is: files are written and read."""
    return {}


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what a user was told in the log by the two who set files aside."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING and record.name in _WHO_TELLS
    ]


def is_undamaged(
    kind: Kind, folder: Folder, raw: bytes, caplog: pytest.LogCaptureFixture
) -> bool:
    """Return whether a file was read as it is; if not, all must have gone as it should."""
    key = kind.key("test")
    if folder.content(key) == raw:
        assert folder.kept_beside(key) == []
        messages = told(caplog)
        if messages:
            assert len(messages) == 1 and is_newer(kind, raw)
            assert "written by a newer version" in messages[0]
        return not messages
    assert folder.content(key) is None
    assert folder.kept_beside(key) == [raw]
    (message,) = told(caplog)
    assert f"{folder.path / key}.corrupt." in message
    return False


def is_newer(kind: Kind, raw: bytes) -> bool:
    """Return whether a newer version wrote a file."""
    frame = json.loads(raw)
    version = frame["version"], frame.get("minor_version", 1)
    return bool(version > (1, kind.minor_version))


def is_made_up(kind: Kind, found: Any, nothing: Any, raw: bytes) -> bool:
    """Return whether more was made of a damaged file than is right in it."""
    if found == nothing:
        return False
    assert kind is ENERGY
    data = json.loads(raw)["data"]
    bank, batteries = found
    for (address, unit), totals in batteries.items():
        if data["batteries"][f"{address}/{unit}"] != asdict(totals):
            return True
    added_up = sum(batteries.values(), EnergyTotals())
    return bool(asdict(bank) != data.get("bank") and bank != added_up)


@pytest.mark.parametrize("kind", KINDS)
async def test_no_file(
    hass: HomeAssistant,
    folder: Folder,
    caplog: pytest.LogCaptureFixture,
    kind: Kind,
) -> None:
    """A new installation has nothing to tell, and leaves nothing behind."""
    await kind.read(hass, "test")
    assert told(caplog) == []
    assert list(folder.path.glob(f"{kind.key('test')}*")) == []


@pytest.mark.parametrize("kind", KINDS)
async def test_right_file(
    hass: HomeAssistant,
    folder: Folder,
    caplog: pytest.LogCaptureFixture,
    kind: Kind,
) -> None:
    """It is read without a word, and left as it is."""
    nothing = await kind.read(hass, "test")
    raw = folder.put(kind.key("test"), kind.frame())
    assert await kind.read(hass, "test") != nothing
    assert is_undamaged(kind, folder, raw, caplog)


DAMAGED_FRAMES: list[Any] = [
    pytest.param(b"", id="empty"),
    pytest.param(b"\x00" * 4096, id="zeroes"),
    pytest.param(b"\xff\xfe{}", id="not a text"),
    pytest.param(b'{"version": 1, "minor_version": 1, "data": {"ba', id="cut off"),
    pytest.param(b"[" * 100_000, id="deep"),
    pytest.param({}, id="an empty mapping"),
    pytest.param(None, id="null"),
    pytest.param([], id="a list"),
    pytest.param("minor_version", id="a text"),
    pytest.param(7, id="a number"),
    pytest.param({"minor_version": 1}, id="no version"),
    pytest.param({"version": 1}, id="no data"),
    pytest.param({"version": "1", "data": {}}, id="version of text"),
]
DAMAGED_PARTS: list[dict[str, Any]] = [
    {"version": 0},
    {"version": None},
    {"minor_version": "x"},
    {"minor_version": None},
    {"data": None},
    {"data": []},
    {"data": "x"},
    {"data": {"nonsense": 1}},
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content", DAMAGED_FRAMES)
async def test_damaged_frame(
    hass: HomeAssistant,
    folder: Folder,
    caplog: pytest.LogCaptureFixture,
    kind: Kind,
    content: Any,
) -> None:
    """A file that Home Assistant's storage itself would stumble over."""
    nothing = await kind.read(hass, "test")
    raw = folder.put(kind.key("test"), content)
    assert await kind.read(hass, "test") == nothing
    assert not is_undamaged(kind, folder, raw, caplog)
    assert await kind.read(hass, "test") == nothing
    assert len(told(caplog)) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("changes", DAMAGED_PARTS)
async def test_other_version_or_data(
    hass: HomeAssistant,
    folder: Folder,
    caplog: pytest.LogCaptureFixture,
    kind: Kind,
    changes: dict[str, Any],
) -> None:
    """A file of a newer version, of one that never was, or with something else in it."""
    nothing = await kind.read(hass, "test")
    raw = folder.put(kind.key("test"), kind.frame(**changes))
    assert await kind.read(hass, "test") == nothing
    assert not is_undamaged(kind, folder, raw, caplog)


NO_ENERGY: list[Any] = ["2", -1.0, 1e300, True, None, [], 1e13]
ENERGY_VALUES: list[Any] = [
    *("nonsense", [1.0, 2.0], {"charged": 1.0}),
    *({"charged": 1.0, "discharged": value} for value in NO_ENERGY),
    {"charged": 1.0, "discharged": 1.0, "wasted": 1.0},
]
COUNTER_VALUES: list[tuple[tuple[str, ...], Any]] = [
    ((), {}),
    (("charging",), None),
    (("discharging", "fits"), -1.0),
    (("habits", "most_out"), 100_001.0),
    (("habits", "load"), "1"),
    (("habits", "drop"), 1e13),
    (("habits", "change_square"), float("nan")),
    (("stands_still",), 1),
]
SAMPLES: list[Any] = [
    *(None, {"at": 1300.0, "power": 655.0}),
    *({"at": at, "power": 655.0, "charge": None} for at in ("1000", -1.0)),
    *(
        {"at": 1300.0, "power": power, "charge": None}
        for power in (1e300, 100_001, True, "x")
    ),
    *({"at": 1300.0, "power": 655.0, "charge": charge} for charge in (1, "x", False)),
]
BATTERY_NAMES = ["", "A/b", "/48", "A/-1", "A/4848", "A/48\n", "A/0", "A" * 65 + "/48"]
PARTS: list[Any] = [[0], [17], [True], [1.5], ["1"], [1] * 17, None, "1", {}]
RECORDS: list[Any] = [
    *(None, {}, STEP | {"at": "2026-11-23T12:00:00"}, STEP | {"at": 5}),
    *(STEP | {"result": "?"}, STEP | {"step": "jump"}, STEP | {"seconds": "x"}),
    *(STEP | {"requested": 1}, STEP | {"seconds": -1.0}, STEP | {"detail": "x" * 256}),
    {"at": STEP["at"], "verdict": "ok"},
    {"at": STEP["at"], "verdict": "well", "reason": "working"},
]
ADAPTER_VALUES: list[tuple[tuple[str, ...], list[Any]]] = [
    ((), [None, "x", {}, HEALTH | {"new": 1}]),
    (("memory",), [None, "x", {}]),
    (("memory", "traffic", "edges"), [[1.0], None]),
    (("memory", "traffic", "weights"), [[1.0], ["x"] * 24, [-1.0] * 24, [0.0] * 25]),
    (("memory", "traffic", "interval"), [None, 1e30, -1.0]),
    (("memory", "traffic", "devices"), [True, 1001]),
    (("memory", "traffic", "looks"), [1.5, -1, 21, True]),
    (("memory", "outages", "weights"), [None, [], [1.0] * 23, [-1.0] * 24]),
    (("memory", "traffic", "watched"), [None, -1.0, 1e30]),
    (("memory", "heard_ago"), [-1, "40", True, 1e300, []]),
    (("memory", "witnesses"), ["x", [["a"]], [5], [["a", 5]], [["a", "b"]] * 10_001]),
    (("ladder",), [None, [], {"experiment_ago": 5.0}]),
    (("ladder", "experiment_ago"), ["x", True]),
    (("ladder", "switched_on_ago"), [-1]),
    (("ladder", "against"), ["tired", 5, []]),
    (("ladder", "tried"), ["own_links", ["jump"], ["own_links"] * 5, [None]]),
    (("ladder", "failures"), [-1, True, None, 10**10]),
    (("ladder", "rest_for"), [-1, "x", 1e9, True]),
    (("ladder", "gentle_ago"), [None, ["x"], [-1], [0] * 10_001]),
    (("memory", "is_undiscovered"), [None, 1, "no"]),
    (("memory", "fault"), [[], {}, "silent"]),
    (("memory", "fault", "verdict"), [None, "tired"]),
    (("memory", "fault", "since_ago"), [None, -1, "x", 1e300]),
    (("memory", "fault", "in_use"), [None, 1]),
    (("memory", "connects"), [[], {"x": 5}, {"x": {}}, {"x" * 256: None}]),
    (("memory", "connects", DONGLE, "tries"), [[1.0], [-1.0] * 13, [401.0] * 13]),
    (
        ("memory", "connects", DONGLE, "strength"),
        [5, {}, {"mean": -127.5, "spread": 1}],
    ),
    (("memory", "connects", DONGLE, "usual_gap"), [None, -1.0, 3601.0]),
    (("memory", "offs_ago"), [None, [-1], ["x"], [0] * 17]),
    (("told",), [None, {}, {"fault": "tired", "has_given_up": False}]),
    (("told", "has_given_up"), [None, 1]),
    (("kept_at",), ["yesterday", 5, "2026-11-23T13:00:00"]),
    (("limiter",), [[], {}]),
    (("limiter", "ages"), ["x", [-5], ["x"], [None], [True], [0] * 10_001]),
    (("limiter", "failures"), [-1, True, 1.5, 10**10]),
    (("history",), [[], {"records": "x", "recoveries": 0}]),
    (("history", "recoveries"), [-1, True, "1"]),
    *((("history", "records"), [[record]]) for record in RECORDS),
    (("powered_off_by_us",), [None, 1, "true"]),
]


_OURS = ("batteries", "22XYZ/RBT50LFP48S")
HISTORY_VALUES: list[tuple[tuple[str, ...], list[Any]]] = [
    (("present",), ["another", None, 1, "x" * 65]),
    (("batteries",), [{}, [], None, {f"{n}": LIFE for n in range(5)}]),
    *(
        ((*_OURS, name), ["1", -1.0, 1e300, True, None, []])
        for name in ("began", "seen_until", "unseen", "used", "drawn", "voltage")
    ),
    *(
        ((*_OURS, name), ["1", -1, 101.0, None])
        for name in ("lowest_charge", "low", "high")
    ),
    *(
        ((*_OURS, name), ["1", -1, 1.5, True, None, 10**10])
        for name in ("discharges", "full_discharges", "alarms")
    ),
    ((*_OURS, "voltage"), [0.0]),
    ((*_OURS, "is_discharging"), [None, 1]),
    *(
        ((*_OURS, "health", name), ["1", -1.0, 1e300, True, None, []])
        for name in ("highest_total", "depth", "steps", "xx", "yy", "warm_steps")
    ),
    (
        (*_OURS, "health", "swings"),
        [None, [1.0], [[1.0]], [[0.0, 1.0]], [["1", 1.0]], [[1.0, 1.0]] * 31],
    ),
    ((*_OURS, "health", "step"), [1.0, [], [1.0, 2.0], [1.0, 2.0, "3"], [1.0] * 4]),
    ((*_OURS, "health", "xy"), ["1", 1e300, True, None]),
    ((*_OURS, "health"), [None, [], {}]),
    ((*_OURS, "active"), [None, "short_circuit", ["new"], [1]]),
    (
        (*_OURS, "energy"),
        [{}, {"charged": 1.0}, [], {"charged": -1.0, "discharged": 1.0}],
    ),
]


def values_that_cannot_be() -> Iterator[tuple[Kind, Any]]:
    """Yield files that are right but for one value."""
    batteries = ENERGY.data["batteries"]
    good = batteries[f"{DONGLE}/48"]
    for totals in ENERGY_VALUES:
        yield ENERGY, ENERGY.data | {"bank": totals}
        yield ENERGY, ENERGY.data | {"batteries": batteries | {f"{DONGLE}/49": totals}}
    for path, value in COUNTER_VALUES:
        yield ENERGY, changed(ENERGY.data, ("counters", f"{DONGLE}/48", *path), value)
    for key in ("voltage", "current", "remaining", "total"):
        path = ("samples", f"{DONGLE}/48", "charge", key)
        yield ENERGY, changed(ENERGY.data, path, 100_001)
    for sample in SAMPLES:
        yield ENERGY, ENERGY.data | {"samples": {f"{DONGLE}/48": sample}}
    for clock in (7, "x" * 101):
        yield ENERGY, ENERGY.data | {"clock": clock}
    for name in ENERGY.data:
        without = {key: part for key, part in ENERGY.data.items() if key != name}
        yield ENERGY, without
    for name in BATTERY_NAMES:
        yield ENERGY, ENERGY.data | {"batteries": {name: good}}
        yield ALARMS, {name: []}
    yield ENERGY, ENERGY.data | {"batteries": {f"A{n}/48": good for n in range(1001)}}
    for parts in PARTS:
        yield ALARMS, {f"{DONGLE}/48": [{"key": "cell_voltage_alarm", "parts": parts}]}
    for alarm in ("x", {"key": "new", "parts": []}, {"key": ["a"], "parts": []}):
        yield ALARMS, {f"{DONGLE}/48": [alarm]}
    yield ALARMS, {f"{DONGLE}/48": "short_circuit"}
    yield ALARMS, {f"{DONGLE}/48": [{"key": "short_circuit"}]}
    for path, values in ADAPTER_VALUES:
        for value in values:
            yield ADAPTERS, {"adapters": {ADAPTER: changed(HEALTH, path, value)}}
    for path, values in HISTORY_VALUES:
        for value in values:
            yield HISTORY, changed(HISTORY.data, (f"{DONGLE}/48", *path), value)
    for name in LIFE:
        without = {key: part for key, part in LIFE.items() if key != name}
        yield HISTORY, {f"{DONGLE}/48": {"present": "A", "batteries": {"A": without}}}
    yield ADAPTERS, {"adapters": [1]}
    yield ADAPTERS, {"adapters": {"x" * 256: HEALTH}}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"version": 2, "data": None},
        {"version": 10**30, "minor_version": 7},
        {"minor_version": 7, "data": {"nonsense": 1}},
        {"minor_version": 7, "data": None},
    ],
)
async def test_newer_version(
    hass: HomeAssistant,
    folder: Folder,
    caplog: pytest.LogCaptureFixture,
    kind: Kind,
    changes: dict[str, Any],
) -> None:
    """It is left as it is, nothing is written over it, and a notice tells what to do."""
    async_follow_files(hass)
    nothing = await kind.read(hass, "test")
    key = kind.key("test")
    raw = folder.put(key, kind.frame(**changes))
    assert await kind.read(hass, "test") == nothing
    assert not is_undamaged(kind, folder, raw, caplog)
    file = StoredFile(hass, key, fields({}), content="tests")
    await file.async_read()
    await file.async_save({})
    assert folder.content(key) == raw
    issue_id = f"stored_data_newer_{key}"
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None and not issue.is_persistent
    folder.put(key, kind.frame())
    await kind.read(hass, "test")
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None


@pytest.mark.parametrize("kind", KINDS)
async def test_notice_of_a_damaged_file(
    hass: HomeAssistant, folder: Folder, kind: Kind
) -> None:
    """It says where the file is, and stays until the user has seen it."""
    async_follow_files(hass)
    key = kind.key("test")
    folder.put(key, kind.frame(data=[]))
    await kind.read(hass, "test")
    (kept,) = folder.path.glob(f"{key}.corrupt.*")
    issues = ir.async_get(hass).issues
    ((_, issue),) = issues.items()
    assert issue.translation_key == "stored_data_damaged"
    assert issue.is_fixable and issue.is_persistent
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["detail"] == kept.name
    assert issue.translation_placeholders["file"] == key
    folder.put(key, kind.frame())
    await kind.read(hass, "test")
    assert len(issues) == 1


async def test_right_files_are_not_told_of(hass: HomeAssistant, folder: Folder) -> None:
    """Nobody cries wolf: neither of files that are right, nor of none."""
    async_follow_files(hass)
    for kind in KINDS:
        await kind.read(hass, "test")
        folder.put(kind.key("test"), kind.frame())
        await kind.read(hass, "test")
    assert not ir.async_get(hass).issues


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
async def test_writing_that_fails(
    hass: HomeAssistant,
    folder: Folder,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
) -> None:
    """One notice tells that nothing can be kept, until everything could be written again."""
    async_follow_files(hass)
    files = [
        StoredFile(hass, f"renogy_bt.{name}", fields({"at": int}), content="tests")
        for name in "ab"
    ]

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(code, os.strerror(code))

    issues = ir.async_get(hass).issues
    for file in files:
        await file.async_save({"at": 0})
    assert not issues
    with monkeypatch.context() as patch:
        patch.setattr("homeassistant.util.file.AtomicWriter", full)
        for at in range(3):
            for file in files:
                await file.async_save({"at": at})
                assert not file.is_written
    ((_, issue),) = issues.items()
    assert issue.translation_key == "nothing_stored"
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["detail"] == os.strerror(code)
    await files[0].async_save({"at": 4})
    assert len(issues) == 1
    await files[1].async_save({"at": 4})
    assert not issues
    assert files[1].is_written


async def test_folder_that_cannot_be_made(
    hass: HomeAssistant, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that Home Assistant lets through stops no poll either."""

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    async_follow_files(hass)
    file = StoredFile(hass, "renogy_bt.test", fields({"at": int}), content="tests")
    with monkeypatch.context() as patch:
        patch.setattr("homeassistant.helpers.storage.os.makedirs", refuse)
        await file.async_save({"at": 1})
    assert not file.is_written
    assert len(ir.async_get(hass).issues) == 1


async def test_totals_that_are_right_are_salvaged(
    hass: HomeAssistant, folder: Folder
) -> None:
    """One wrong value costs that value; the bank's total is what the batteries' add up to."""
    good = {"charged": 750.25, "discharged": 600.0}
    batteries = {
        f"{DONGLE}/48": good,
        f"{DONGLE}/49": {"charged": 1e300, "discharged": 0.0},
        f"{DONGLE}/50": good,
        "9" * 5000: good,
    }
    data = {"bank": {"charged": "?"}, "batteries": batteries, "clock": []}
    folder.put(ENERGY.key("test"), ENERGY.frame(data=data))
    bank, found = await read_energy_totals(hass)
    assert found == {
        (DONGLE, 48): EnergyTotals(charged=750.25, discharged=600.0),
        (DONGLE, 50): EnergyTotals(charged=750.25, discharged=600.0),
    }
    assert bank == EnergyTotals(charged=1500.5, discharged=1200.0)
    folder.put(ENERGY.key("test"), ENERGY.frame(data={"bank": good}))
    assert await read_energy_totals(hass) == (EnergyTotals(**good), {})


async def read_energy_totals(hass: HomeAssistant) -> tuple[EnergyTotals, Any]:
    """Return the totals of the bank and of its batteries."""
    energy = await EnergyStore(hass, "test").async_load(60.0)
    return energy.bank, energy.batteries


async def test_values_that_cannot_be(
    hass: HomeAssistant, folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    """One value that cannot be is enough: a file that was tampered with proves nothing."""
    for kind, data in values_that_cannot_be():
        folder.clear()
        nothing = await kind.read(hass, "test")
        raw = folder.put(kind.key("test"), kind.frame(data=data))
        caplog.clear()
        found = await kind.read(hass, "test")
        assert not is_made_up(kind, found, nothing, raw), data
        assert not is_undamaged(kind, folder, raw, caplog), data


def is_written_anew(kind: Kind, folder: Folder, raw: bytes) -> bool:
    """Return whether a file of another minor version, and so of this shape, was written."""
    content = folder.content(kind.key("test"))
    if content in (raw, None):
        return False
    before, after = json.loads(raw), json.loads(content)
    assert type(before.get("minor_version", 1)) is int
    data = before["data"]
    if kind is ENERGY:
        # What the first version did not keep.
        samples = {
            key: {"charge": None, **each} for key, each in data["samples"].items()
        }
        data = {"counters": {}, **data, "samples": samples}
    assert after == kind.frame(data=data)
    return True


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(st.text(max_size=20), children, max_size=4)
    ),
    max_leaves=10,
)


@st.composite
def mutated(draw: st.DrawFn) -> tuple[Kind, bytes]:
    """A right file of which something was changed, taken away or added."""
    kind = draw(st.sampled_from(KINDS))
    frame = deepcopy(kind.frame())
    for _ in range(draw(st.integers(1, 3))):
        _mutate(draw, frame)
    return kind, json.dumps(frame).encode()


def _mutate(draw: st.DrawFn, place: Any) -> None:
    while True:
        places = list(place if isinstance(place, dict) else range(len(place)))
        if not places:
            return
        where = draw(st.sampled_from(places))
        inner = place[where]
        if not isinstance(inner, dict | list) or draw(st.integers(0, 3)) == 0:
            break
        place = inner
    match draw(st.sampled_from(["change", "remove", "add"])):
        case "remove":
            del place[where]
        case "add" if isinstance(place, dict):
            place[draw(st.text(max_size=20))] = draw(JSON)
        case _:
            place[where] = draw(JSON)


FILES = (
    mutated()
    | st.tuples(
        st.sampled_from(KINDS), JSON.map(lambda item: json.dumps(item).encode())
    )
    | st.tuples(st.sampled_from(KINDS), st.binary(max_size=200))
    | st.builds(
        lambda kind, data: (kind, json.dumps(kind.frame(data=data)).encode()),
        st.sampled_from(KINDS),
        JSON,
    )
)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(file=FILES)
def test_whatever_is_in_a_file(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    file: tuple[Kind, bytes],
) -> None:
    """It never raises; the file is left as it is without a word, or kept beside and told of."""
    kind, raw = file
    folder = Folder(hass)
    folder.clear()
    run = hass.loop.run_until_complete
    nothing = run(kind.read(hass, "test"))
    folder.put(kind.key("test"), raw)
    caplog.clear()
    found = run(kind.read(hass, "test"))
    if is_written_anew(kind, folder, raw):
        assert told(caplog) == []
    elif not is_undamaged(kind, folder, raw, caplog):
        assert not is_made_up(kind, found, nothing, raw)


@pytest.mark.parametrize("kind", KINDS)
async def test_newer_minor_version_of_the_same_shape(
    hass: HomeAssistant, folder: Folder, caplog: pytest.LogCaptureFixture, kind: Kind
) -> None:
    """What can be read is read: nothing is lost by going back a version."""
    raw = folder.put(kind.key("test"), kind.frame())
    found = await kind.read(hass, "test")
    raw = folder.put(kind.key("test"), kind.frame(minor_version=kind.minor_version + 1))
    assert await kind.read(hass, "test") == found
    assert is_written_anew(kind, folder, raw)
    assert told(caplog) == []


async def test_two_files_at_the_same_moment(
    hass: HomeAssistant, folder: Folder, freezer: FrozenDateTimeFactory
) -> None:
    """What was kept beside is never written over."""
    key = ALARMS.key("test")
    raws = []
    for number in range(3):
        raws.append(folder.put(key, ALARMS.frame(data=[number])))
        await ALARMS.read(hass, "test")
    assert sorted(folder.kept_beside(key)) == raws


async def test_file_that_cannot_be_renamed(
    hass: HomeAssistant,
    folder: Folder,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What cannot be kept beside is kept where it is: nothing is written over it."""

    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    key = ENERGY.key("test")
    raw = folder.put(key, ENERGY.frame(version=0))
    monkeypatch.setattr(Path, "rename", refuse)
    monkeypatch.setattr(os, "rename", refuse)
    file = StoredFile(hass, key, {}, content="totals")
    assert await file.async_read() is None
    await file.async_save({"new": 1})
    assert folder.content(key) == raw
    (message,) = told(caplog)
    assert "nothing is written" in message
    assert "Permission denied" in message


async def test_file_that_the_system_does_not_give_out(
    hass: HomeAssistant, folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    """A name that is not that of a file is renamed too."""
    path = folder.path / ENERGY.key("test")
    path.mkdir()
    await ENERGY.read(hass, "test")
    assert not path.exists()
    (message,) = told(caplog)
    assert "energy totals" in message


async def test_older_minor_version(
    hass: HomeAssistant, folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    """It is brought up to date, written so, and read without a warning."""
    file = StoredFile(
        hass,
        "renogy_bt.test",
        fields({"new": int}),
        content="tests",
        minor_version=2,
        migrate=lambda minor, data: {"new": data["old"] + minor},
    )
    folder.put("renogy_bt.test", ALARMS.frame(data={"old": 4}))
    assert await file.async_read() == {"new": 5}
    written = json.loads(folder.content("renogy_bt.test") or b"")
    assert (written["minor_version"], written["data"]) == (2, {"new": 5})
    assert told(caplog) == []


@pytest.mark.parametrize("data", [{"old": "x"}, {"odd": 1}, None, 7, []])
async def test_older_minor_version_that_is_damaged(
    hass: HomeAssistant, folder: Folder, caplog: pytest.LogCaptureFixture, data: Any
) -> None:
    """What cannot be brought up to date is kept as it was, not as it would have become."""
    file = StoredFile(
        hass,
        "renogy_bt.test",
        fields({"new": int}),
        content="tests",
        minor_version=2,
        migrate=lambda _, data: {"new": data["old"]},
    )
    raw = folder.put("renogy_bt.test", ALARMS.frame(data=data))
    assert await file.async_read() is None
    assert file.has_begun_anew
    assert folder.kept_beside("renogy_bt.test") == [raw]
    assert len(told(caplog)) == 1


@pytest.mark.parametrize("content", [*DAMAGED_FRAMES, {"version": 0, "data": {}}])
async def test_bank_with_damaged_files(
    hass: HomeAssistant,
    folder: Folder,
    air: FakeAir,
    caplog: pytest.LogCaptureFixture,
    content: Any,
) -> None:
    """The bank is set up, whatever is in its files, and what they held is still there."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    keys = [ENERGY.key(entry.entry_id), ALARMS.key(entry.entry_id)]
    raw = {key: folder.put(key, content) for key in keys}
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    for key in keys:
        assert folder.kept_beside(key) == [raw[key]]
        assert len([message for message in told(caplog) if key in message]) == 1
