# SPDX-License-Identifier: Apache-2.0
"""Tests of what passes between the host and a guest."""

import pytest

from .order import HOSTS, Conduct, Order, Outcome, Sample, Subject


@pytest.mark.parametrize("in_full", [True, False])
@pytest.mark.parametrize("subject", Subject)
@pytest.mark.parametrize("host", HOSTS)
def test_order_survives_the_share(host: str, subject: Subject, in_full: bool) -> None:
    """An order is the same on the other side."""
    order = Order(scenario="deaf", host=HOSTS[host], subject=subject, in_full=in_full)

    assert Order.from_json(order.as_json()) == order


def test_orders_have_folders_of_their_own() -> None:
    """No two runs share a folder."""
    names = {
        Order(scenario=scenario, host=host, subject=subject).name
        for scenario in ("deaf", "hung")
        for host in HOSTS.values()
        for subject in Subject
    }

    assert len(names) == 2 * len(HOSTS) * len(Subject)


def test_outcome_survives_the_share() -> None:
    """An outcome is the same on the other side, samples, conduct and all."""
    outcome = Outcome(
        recovered=None,
        silent=12.5,
        complete_polls=3,
        repairs=("restart_scanning", "power_cycle"),
        issues=("adapter_silent",),
        samples=(
            Sample(at=1.0, memory=2, tasks=3, names=4, slots=0, links=0),
            Sample(at=2.0, memory=2, tasks=3, names=4, slots=1, links=1),
        ),
        during=Conduct(
            states=("ok", "silent"),
            steps=("restart_scanning",),
            notices=("adapter_silent",),
            counted=3,
        ),
    )

    assert Outcome.from_json(outcome.as_json()) == outcome
