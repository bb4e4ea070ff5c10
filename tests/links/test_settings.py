# SPDX-License-Identifier: Apache-2.0
"""Links as they are stored, and what their batteries are called."""

from dataclasses import replace
from types import MappingProxyType

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.links.settings import (
    Connection,
    KnownBattery,
    LinkSettings,
    battery_identifier,
    battery_labels,
    named,
    position,
)
from custom_components.renogy_bt.renogy.found_scale import FoundScale, ScaleSource
from custom_components.renogy_bt.renogy.models import (
    BatteryId,
    FoundBattery,
    ProbeReport,
)
from tests.banks import link_settings
from tests.fake_air import DONGLE

OTHER = "60:98:66:ED:FC:11"


def test_link_survives_storage() -> None:
    """A link that is stored and read again is the same."""
    link = link_settings(polling=False)
    assert LinkSettings.from_subentry(link.as_subentry()) == link


@pytest.mark.parametrize("source", ScaleSource)
def test_found_scale_survives_storage(source: ScaleSource) -> None:
    """It is of one battery; a link that was stored before there were any has none."""
    plain = link_settings(units=(48, 49))
    assert "current_scale" not in str(plain.as_data())
    scales = {49: FoundScale(divisor=10, source=source)}
    link = plain.with_scales(scales)
    assert LinkSettings.from_subentry(link.as_subentry()) == link
    assert {each.unit: each.scale for each in link.batteries if each.scale} == scales
    assert link.with_scales({}) == plain


def test_rescan_keeps_the_scale() -> None:
    """A probe does not measure currents."""
    scale = FoundScale(divisor=10, source=ScaleSource.TOLD)
    known = KnownBattery(unit=48, model="RBT50LFP48S", cells=15, scale=scale)
    found = KnownBattery(unit=48, model=None, cells=15)
    assert found.completed_by(known) == known
    assert found.completed_by(None) == found


def test_link_of_a_probe() -> None:
    """What a probe found is stored but for the serial number, which tells no battery apart."""
    report = ProbeReport(
        family="pro",
        batteries=(
            FoundBattery(unit=48, model=None, cells=4),
            FoundBattery(unit=50, model="RBT12200", cells=4),
        ),
    )
    link = LinkSettings.from_probe(DONGLE, "RNGRBP123", report)
    assert link.family.key == "pro"
    assert link.units == (48, 50)
    assert link.battery_ids == ((DONGLE, 48), (DONGLE, 50))
    assert "X" not in str(link.as_data())


@pytest.mark.parametrize(
    ("unit", "units", "place"),
    [
        pytest.param(48, (48,), 1, id="first behind a dongle"),
        pytest.param(51, (48, 51), 4, id="a gap in the chain counts"),
        pytest.param(255, (255,), 1, id="the only one"),
        pytest.param(247, (48, 49, 247), 247, id="one without a place"),
    ],
)
def test_a_position_is_the_place_behind_the_dongle(
    unit: int, units: tuple[int, ...], place: int
) -> None:
    """A battery's position is its place behind the dongle, as far as its id tells."""
    assert position(unit, units) == place


def test_labels_in_one_link_are_short() -> None:
    """With one dongle a battery is called by model and position."""
    labels = battery_labels([link_settings()])
    assert [str(label) for label in labels.values()] == [
        "RBT50LFP48S 1",
        "RBT50LFP48S 2",
        "RBT50LFP48S 3",
        "RBT50LFP48S 4",
    ]


def test_no_two_labels_are_alike() -> None:
    """Where two links have the same battery at the same place, their addresses tell."""
    labels = battery_labels(
        [
            link_settings(units=(48, 49)),
            link_settings(OTHER, "BT-TH-66EDFC11", (48,)),
        ]
    )
    assert {battery: str(label) for battery, label in labels.items()} == {
        (DONGLE, 48): "RBT50LFP48S 1 (B2C3)",
        (DONGLE, 49): "RBT50LFP48S 2",
        (OTHER, 48): "RBT50LFP48S 1 (FC11)",
    }


@given(
    links=st.lists(
        st.tuples(
            st.frozensets(st.integers(46, 52), min_size=1, max_size=4),
            st.sampled_from([None, "RBT50LFP48S", "RBT12100LFP-BT"]),
        ),
        min_size=1,
        max_size=5,
    ),
    older=st.integers(0, 5),
    leaves=st.integers(0, 4),
)
def test_names_stay(
    links: list[tuple[frozenset[int], str | None]], older: int, leaves: int
) -> None:
    """Whichever link joins or leaves, nobody else is called otherwise, and no two are called alike."""
    bank: list[LinkSettings] = []
    names: dict[BatteryId, str] = {}
    for number, (units, model) in enumerate(links):
        link = link_settings(f"60:98:66:ED:FC:{number:02X}", units=tuple(units))
        link = replace(
            link, batteries=tuple(replace(each, model=model) for each in link.batteries)
        )
        # Of those that an older version named only what joins later is new.
        bank.append(link if number < older else named(link, bank))
        labels = {key: str(each) for key, each in battery_labels(bank).items()}
        assert len(set(labels.values())) == len(labels)
        if number >= older:
            assert names.items() <= labels.items()
        names = labels
    if older == 0 and leaves < len(bank):
        del bank[leaves]
        left = {key: str(each) for key, each in battery_labels(bank).items()}
        assert left.items() <= names.items()


@pytest.mark.parametrize(
    ("units", "model", "name"),
    [
        ((48,), "RBT50LFP48S", "RBT50LFP48S"),
        ((255,), "RBT12100LFP-BT", "RBT12100LFP-BT"),
        ((48,), None, "Battery"),
        ((50,), "RBT50LFP48S", "RBT50LFP48S 3"),
    ],
)
def test_name_of_a_single_battery(
    units: tuple[int, ...], model: str | None, name: str
) -> None:
    """It is not the first of one; where others before it are silent it is the third all the same."""
    (label,) = battery_labels(
        [named(link_settings(units=units, model=model), ())]
    ).values()
    assert str(label) == name


@pytest.mark.parametrize(
    ("stored", "place"),
    [
        ("", ""),
        (" 2 (B2C3)", "2 (B2C3)"),
        (None, None),
        (3, None),
        ("x" * 99, "x" * 16),
    ],
)
def test_stored_place(stored: object, place: str | None) -> None:
    """What is stored is shown as far as it can be, and stays."""
    battery = KnownBattery.from_data({"unit": 48, "place": stored})
    assert battery is not None
    assert battery.place == place
    assert KnownBattery.from_data(battery.as_data()) == battery


def test_label_of_an_unknown_model() -> None:
    """A battery of unknown model is a battery."""
    (label,) = battery_labels([link_settings(units=(247,), model=None)]).values()
    assert str(label) == "Battery 1"


def test_a_battery_is_identified_by_address_and_unit() -> None:
    """A battery is identified by the address of its link and its unit, not by its serial number."""
    assert battery_identifier((DONGLE, 49)) == "6c:b2:fd:a1:b2:c3_49"


@pytest.mark.parametrize(
    ("found", "known", "model"),
    [
        pytest.param(None, "RBT50LFP48S", "RBT50LFP48S", id="not told now"),
        pytest.param("RBT100", "RBT50LFP48S", "RBT100", id="another one now"),
        pytest.param("RBT100", None, "RBT100", id="told first now"),
    ],
)
def test_model_is_completed(
    found: str | None, known: str | None, model: str | None
) -> None:
    """A model that is not told at a rescan is kept from before."""
    before = KnownBattery(unit=48, model=known, cells=15)
    after = KnownBattery(unit=48, model=found, cells=15)
    assert after.completed_by(before).model == model
    assert after.completed_by(None) == after


def test_scale_of_another_model_is_forgotten() -> None:
    """A battery that was replaced by one of another model counts as its own kind does."""
    scale = FoundScale(divisor=10, source=ScaleSource.MEASURED)
    known = KnownBattery(unit=48, model="RBT12100LFP-BT", cells=4, scale=scale)
    other = replace(known, model="RBT12500LFP-SHBT", scale=None)
    assert other.completed_by(known).scale is None
    assert replace(known, scale=None).completed_by(known).scale == scale
    assert replace(known, model=None, scale=None).completed_by(known) == known


@pytest.mark.parametrize("interval", [2, 10, 600])
def test_a_kept_link_survives_storage(interval: int) -> None:
    """The interval is what tells that a link is kept connected."""
    link = link_settings(kept_interval=interval)
    assert link.connection is Connection.KEPT
    assert LinkSettings.from_subentry(link.as_subentry()) == link


@pytest.mark.parametrize("stored", [None, 1, 601, -5, 2.5, "2", True, [2], {}])
def test_what_no_form_has_stored_is_for_each_poll(stored: object) -> None:
    """An older version has stored nothing, and a hand may have stored anything."""
    data = MappingProxyType({**link_settings().as_data(), "kept_interval": stored})
    link = LinkSettings.from_subentry(replace(link_settings().as_subentry(), data=data))
    assert link.kept_interval is None
    assert link.connection is Connection.FOR_EACH_POLL
    assert "kept_interval" not in link.as_data()
