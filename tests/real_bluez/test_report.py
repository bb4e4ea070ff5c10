# SPDX-License-Identifier: Apache-2.0
"""Tests of the judgement: what has to hold, and that it is noticed when it does not."""

from dataclasses import replace

import pytest

from .machine import Result
from .order import (
    CONFINED,
    CONTAINER,
    HOSTS,
    PHASES,
    Conduct,
    Order,
    Outcome,
    Sample,
    Subject,
)
from .report import (
    SETTLED_SAMPLES,
    document,
    fault_complaints,
    rows_of,
    soak_complaints,
    table,
    unexpected,
)
from .scenarios import BY_NAME, SCENARIOS, Expected, Kind, scenario_of
from .timing import ONE_INTERVAL, SAMPLE_EVERY

STUCK = BY_NAME["stuck-start"]
DAY = BY_NAME["day"]
RECOVERED = Outcome(recovered=50, silent=80, complete_polls=9)
STEADY = Outcome(
    recovered=60,
    silent=60,
    complete_polls=1350,
    longest_gap=66,
    samples=tuple(
        Sample(at=3600 * n, memory=200_000, tasks=3, names=3, slots=0, links=0)
        for n in range(1, 25)
    ),
)


def _result(subject: Subject, outcome: Outcome | None) -> Result:
    return Result(
        order=Order(scenario=STUCK.name, host=CONFINED, subject=subject),
        outcome=outcome,
        failure=None if outcome else "the guest did not start",
        seconds=10,
    )


def _last_sample(**values: int) -> Outcome:
    last = replace(STEADY.samples[-1], **values)
    return replace(STEADY, samples=(*STEADY.samples[:-1], last))


@pytest.mark.parametrize(
    ("ours", "alone", "complaint"),
    [
        ({"recovered": None}, None, "not read again"),
        ({"recovered": STUCK.limit + 1}, None, "limit"),
        ({"recovered": 50 + ONE_INTERVAL + 1}, 50, "slower than alone"),
        ({"open_issues": ("adapter_silent",)}, None, "issues left"),
        ({"samples": (replace(STEADY.samples[0], slots=1),)}, None, "slots are held"),
        ({"samples": (replace(STEADY.samples[0], links=1),)}, None, "links are held"),
    ],
)
def test_fault_that_is_not_mended_well_is_noticed(
    ours: dict[str, object], alone: float | None, complaint: str
) -> None:
    """A limit missed, a figure worse than alone and an issue that stays are named."""
    theirs = replace(RECOVERED, recovered=alone)

    complaints = list(fault_complaints(STUCK, replace(RECOVERED, **ours), theirs))  # type: ignore[arg-type]

    assert len(complaints) == 1 and complaint in complaints[0]


EXPECTED = Expected(
    steps=frozenset({"restart_scanning"}),
    notices=("adapter_service_crashes",),
    states=frozenset({"ok"}),
    counted=3,
    gap=180,
)
AS_EXPECTED = Conduct(
    states=("ok",),
    steps=("restart_scanning",) * 30,
    notices=("link_unreachable", "adapter_service_crashes"),
    counted=4,
)


@pytest.mark.parametrize(
    ("during", "outcome", "complaint"),
    [
        ({"steps": ("restart_scanning", "power_cycle")}, {}, "power_cycle"),
        ({"notices": ()}, {}, "notices during the fault: none"),
        ({"notices": ("adapter_service_crashes",) * 2}, {}, "2 x adapter service"),
        (
            {"notices": ("adapter_service_crashes", "adapter_silent")},
            {},
            "adapter silent",
        ),
        ({"states": ("ok", "silent")}, {}, "states during the fault: ok, silent"),
        ({"states": ()}, {}, "states during the fault: none"),
        ({"counted": 2}, {}, "counted 2, not 3"),
        ({}, {"longest_gap": 181}, "gap of 181 s"),
        ({}, {"issues": ("adapter_service_crashes",) * 2}, "told again"),
    ],
)
def test_conduct_that_is_not_expected_is_noticed(
    during: dict[str, object], outcome: dict[str, object], complaint: str
) -> None:
    """Whatever was done or told too much, too little or twice is named."""
    ours = replace(
        RECOVERED,
        during=replace(AS_EXPECTED, **during),  # type: ignore[arg-type]
        **outcome,  # type: ignore[arg-type]
    )

    (text,) = unexpected(EXPECTED, ours)

    assert complaint in text


def test_own_resets_of_home_assistant_are_noticed() -> None:
    """Where our own silence would bring them, none is allowed."""
    expected = Expected(own_resets=0)
    assert list(unexpected(expected, RECOVERED)) == []
    (found,) = unexpected(expected, replace(RECOVERED, host_resets=1))
    assert found.startswith("1 own resets")


def test_a_kept_link_holds_one_slot() -> None:
    """Between its polls one connection stands, and no second one."""
    kept = BY_NAME["quiet-cabin-kept"]
    steady = replace(STEADY, longest_gap=12)
    samples = [replace(each, slots=1, links=1) for each in steady.samples]
    assert list(soak_complaints(kept, replace(steady, samples=tuple(samples)))) == []
    samples[-1] = replace(samples[-1], slots=2, links=2)
    found = list(soak_complaints(kept, replace(steady, samples=tuple(samples))))
    assert len(found) == 2


def test_conduct_that_is_expected_is_no_complaint() -> None:
    """A link may have its own notice beside the one that is expected; no step is fine."""
    ours = replace(RECOVERED, during=AS_EXPECTED, issues=AS_EXPECTED.notices)

    assert list(unexpected(EXPECTED, ours)) == []
    assert list(unexpected(Expected(), ours)) == []
    idle = replace(ours, during=replace(AS_EXPECTED, steps=()))
    assert list(unexpected(EXPECTED, idle)) == []


def test_conduct_is_judged_on_its_host() -> None:
    """What is asked on one kind of host is not asked on another."""
    scenario = BY_NAME["refused-then-deaf"]
    for host, holds in ((CONTAINER, True), (CONFINED, False)):
        order = Order(scenario=scenario.name, host=host, subject=Subject.INTEGRATION)
        result = replace(_result(Subject.INTEGRATION, RECOVERED), order=order)

        assert rows_of([result])[0].holds is holds


@pytest.mark.parametrize("alone", [None, 40, 400])
def test_fault_that_is_mended_is_no_complaint(alone: float | None) -> None:
    """Within the limit and about as fast as Home Assistant alone is well."""
    theirs = replace(RECOVERED, recovered=alone)

    assert list(fault_complaints(STUCK, RECOVERED, theirs)) == []


@pytest.mark.parametrize(
    ("outcome", "complaint"),
    [
        (replace(STEADY, longest_gap=100), "gap"),
        (replace(STEADY, longest_gap=130, host_resets=1), "gap"),
        (replace(STEADY, repairs=("restart_scanning",)), "repairs"),
        (replace(STEADY, issues=("adapter_silent",)), "issues"),
        (replace(STEADY, samples=STEADY.samples[:5]), "too few"),
        (_last_sample(memory=205_000), "memory"),
        (_last_sample(tasks=9), "tasks"),
        (_last_sample(names=4), "bus connections"),
        (_last_sample(slots=1), "slots"),
        (_last_sample(links=1), "links"),
    ],
)
def test_soak_that_loses_or_grows_is_noticed(outcome: Outcome, complaint: str) -> None:
    """A lost poll, a step that nothing called for and every growth are named."""
    complaints = list(soak_complaints(DAY, outcome))

    assert len(complaints) == 1 and complaint in complaints[0]


@pytest.mark.parametrize(
    "outcome", [STEADY, replace(STEADY, longest_gap=100, host_resets=1)]
)
def test_steady_soak_is_no_complaint(outcome: Outcome) -> None:
    """A day without losses or growth is well; what Home Assistant resets is not ours."""
    assert list(soak_complaints(DAY, outcome)) == []


def test_run_without_outcome_does_not_hold() -> None:
    """A guest that failed is no success, whoever was in it."""
    for subject in Subject:
        (row,) = rows_of([_result(subject, None)])

        assert not row.holds
        assert "the guest did not start" in row.complaints[0]


def test_run_that_is_not_the_same_twice_does_not_hold() -> None:
    """A difference between two runs is named, whoever was in them."""
    for subject in Subject:
        result = replace(_result(subject, RECOVERED), difference="line 3: a / b")

        (row,) = rows_of([result])

        assert row.complaints == (f"{subject}: not the same twice, line 3: a / b",)


def test_error_of_the_integration_does_not_hold() -> None:
    """A traceback of the integration is a complaint, one of Home Assistant is not."""
    theirs = replace(RECOVERED, errors=("habluetooth.scanner: Error stopping",))
    ours = replace(RECOVERED, errors=("custom_components.renogy_bt: KeyError",))

    assert rows_of([_result(Subject.INTEGRATION, theirs)])[0].holds
    assert not rows_of([_result(Subject.INTEGRATION, ours)])[0].holds


def test_entity_that_is_lost_does_not_hold() -> None:
    """What was available before a fault is available after it."""
    ours = replace(RECOVERED, lost=("sensor.battery_voltage",))

    (row,) = rows_of([_result(Subject.INTEGRATION, ours)])

    assert row.complaints == ("lost: sensor.battery_voltage",)


def test_each_phase_has_a_row_of_its_own() -> None:
    """A fault is compared with the one that came in the same moment, and told apart from others."""
    results = [
        replace(result, order=replace(result.order, phase=phase))
        for phase, seconds in ((0, 50.0), (5, STUCK.limit + 1))
        for result in (
            _result(Subject.ALONE, replace(RECOVERED, recovered=None)),
            _result(Subject.INTEGRATION, replace(RECOVERED, recovered=seconds)),
        )
    ]

    first, last = rows_of(results)

    assert (first.phase, first.holds) == (0, True)
    assert (last.phase, last.holds) == (5, False)
    assert "| stuck-start (5) | confined | never | 181 s | 180 s |" in table([last])


def test_faults_of_all_phases_come_within_one_interval() -> None:
    """The moments are spread evenly between two polls, and each run has a folder of its own."""
    orders = [
        Order(scenario=STUCK.name, host=CONFINED, subject=Subject.ALONE, phase=phase)
        for phase in range(PHASES)
    ]
    moments = [scenario_of(order).before - STUCK.before for order in orders]

    assert moments == [0, 10, 20, 30, 40, 50]
    assert len({order.name for order in orders}) == PHASES
    assert [Order.from_json(order.as_json()) for order in orders] == orders


def test_table_and_document_tell_the_same() -> None:
    """A row stands in both, with its times and what does not hold."""
    rows = rows_of(
        [
            _result(Subject.ALONE, replace(RECOVERED, recovered=None)),
            _result(Subject.INTEGRATION, replace(RECOVERED, recovered=200)),
        ]
    )

    text = table(rows)
    data = document(rows, {"kernel": "7.2"})

    assert "| stuck-start | confined | never | 200 s | 180 s |" in text
    assert "stuck-start on confined: read again after 200 s" in text
    assert data["holds"] is False
    assert data["rows"][0]["alone"]["outcome"]["recovered"] is None
    assert data["rows"][0]["integration"]["outcome"]["recovered"] == 200


def test_steps_and_notices_are_counted() -> None:
    """What was done or told twice stands there once, with how often."""
    ours = replace(
        RECOVERED,
        repairs=("power_cycle", "restart_scanning", "power_cycle"),
        host_resets=4,
        issues=("adapter_silent", "adapter_silent"),
    )

    text = table(rows_of([_result(Subject.INTEGRATION, ours)]))

    assert (
        "| 2 x power cycle, restart scanning | - / 4      | 2 x adapter silent |"
        in text
    )


def test_scenarios_have_names_of_their_own_and_somewhere_to_run() -> None:
    """The table of scenarios has no double and no scenario that nobody runs."""
    assert len(BY_NAME) == len(SCENARIOS)
    for scenario in SCENARIOS:
        assert scenario.hosts and scenario.subjects
        assert len(set(scenario.hosts)) == len(scenario.hosts)
        assert scenario.kind is Kind.SOAK or scenario.fault
        assert scenario.limit <= scenario.watch


def test_only_what_hosts_it_runs_on_is_asked_of_a_scenario() -> None:
    """No expectation is for a host that nobody runs, or that there is not."""
    for scenario in SCENARIOS:
        assert set(scenario.expected) <= set(scenario.hosts) <= set(HOSTS.values())


def test_soaks_last_long_enough_to_be_judged() -> None:
    """There is time for all samples, each of which waits for a poll and half an interval."""
    for scenario in SCENARIOS:
        if scenario.kind is Kind.SOAK:
            a_sample = SAMPLE_EVERY + 1.5 * scenario.interval
            assert scenario.watch >= 2 * SETTLED_SAMPLES * a_sample


def test_only_soaks_have_another_full_length() -> None:
    """A fault is watched as long in full; the quiet and the busy place for 30 days."""
    longer = {
        scenario.name: scenario.in_full().watch
        for scenario in SCENARIOS
        if scenario.in_full() != scenario
    }

    assert longer == {"quiet-cabin": 30 * 86400, "busy-flat": 30 * 86400}
    order = Order(
        scenario="busy-flat", host=CONTAINER, subject=Subject.INTEGRATION, in_full=True
    )
    assert scenario_of(order).watch == 30 * 86400
    assert scenario_of(replace(order, in_full=False)).watch < 86400


def test_hosts_are_told_apart() -> None:
    """Both kinds of container differ in their rights alone."""
    assert CONTAINER.monitors == CONFINED.monitors
    assert CONTAINER.capable and not CONFINED.capable
