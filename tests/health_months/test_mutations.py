# SPDX-License-Identifier: Apache-2.0
"""Every number of adapter health matters: a world fails where it is another one."""

from collections import Counter
from dataclasses import replace

import pytest

from .mutant import Mutation
from .mutation_table import EXEMPT, MUTATIONS
from .mutations import controls, numbers, problems_of_each
from .worlds import WORLDS

SAMPLE = MUTATIONS[:: len(MUTATIONS) // 16]
"""A few from everywhere; `scripts/health-months --mutations` runs all of them."""


def test_each_number_is_shown_or_exempt() -> None:
    """No number is without a world or a reason, and nothing stands here in vain."""
    shown = {(each.where, each.was, each.nth) for each in MUTATIONS}
    known = {*numbers()}
    assert shown <= known
    others = [
        (where, number)
        for where, number, nth in known
        if (where, number, nth) not in shown
    ]
    assert {where for where, _ in others} == EXEMPT.keys()


def test_numbers_are_changed() -> None:
    """Each mutation changes its number to one of the same kind, in a world that there is."""
    for mutation in MUTATIONS:
        assert mutation.value != mutation.was
        assert mutation.world in WORLDS
    assert all(EXEMPT.values())


def test_a_number_is_never_changed_twice_alike() -> None:
    """At most one smaller and one larger number stand in the place of each."""
    directions = Counter(
        (each.where, each.was, each.nth, each.value > each.was) for each in MUTATIONS
    )
    assert max(directions.values()) == 1


@pytest.mark.timeout(300)
def test_sample_of_mutations() -> None:
    """A changed number makes its world fail, and the world does not fail without that."""
    cheap = [each for each in SAMPLE if each.days <= 1]
    unchanged = controls(cheap)
    outcomes = problems_of_each([*cheap, *unchanged])
    assert {mutation for mutation in cheap if not outcomes[mutation]} == set()
    assert {control for control in unchanged if outcomes[control]} == set()


def test_mutation_of_what_is_not_there() -> None:
    """A number that stands no longer where the table says is found."""
    with pytest.raises(LookupError):
        problems_of_each([replace(MUTATIONS[0], was=7.25)], 1)


def test_name_of_a_mutation() -> None:
    """A mutation is named by its number and where that stands."""
    mutation = Mutation(where="climb:RESTS", was=60.0, value=5.0, world="")
    assert str(mutation) == "climb:RESTS 60 -> 5"
