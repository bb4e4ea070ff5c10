# SPDX-License-Identifier: Apache-2.0
"""A few round trips, and that one which goes wrong is found; `scripts/round-trip` makes all."""

from base64 import b64encode
import json
import subprocess
import sys

import pytest

from tests.emulator import load_world
from tests.emulator.faults import FAULTS

from .runs import OWNER, RUNS, random_run
from .secrets import given_away, secrets_of

NAMES = ("silent-of-one", "set-up-of-charge_controller")


@pytest.mark.timeout(600)
def test_round_trips() -> None:
    """A battery that fell silent, and a set-up that fails."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.round_trip", "--json", *NAMES],
        capture_output=True,
        check=False,
        timeout=580,
    )
    runs = {each["name"]: each for each in json.loads(done.stdout)["runs"]}
    assert runs.keys() == {*NAMES}
    assert [each["problems"] for each in runs.values() if each["problems"]] == []
    assert done.returncode == 0
    assert runs["silent-of-one"]["same"] > 150
    assert runs["set-up-of-charge_controller"]["same"] == 1


def test_every_fault_is_run() -> None:
    """None is left out, and there is a set-up that fails with each kind of device."""
    begun = {
        switch.partition("=")[0] for run in RUNS.values() for switch in run.switches
    }
    assert begun == FAULTS.keys()
    assert {name for name in RUNS if name.startswith("set-up-of-")} == {
        "set-up-of-charge_controller",
        "set-up-of-inverter",
        "set-up-of-silent",
    }
    assert random_run(1) == random_run(1) != random_run(2)


@pytest.mark.parametrize(
    "told",
    [
        "6C:B2:FD:A1:B2:C3",
        "c3-b2-a1-fd-b2-6c",
        "01030ca1b2c300",
        "c3b2a1fd",
        b"fda1b2c3".hex(),
        "BT-TH-FDA1B2C3",
        "B8:27:EB:5A:00:01",
        str(0x6CB2FDA1B2C3),
        str(0xC3B2A1FD),
        "[253, 161, 178, 195]",
        "[108,178,253,161,178,195]",
        "[27826, 64929, 45763]",
        "b26ca1fdc3b2",
        b64encode(bytes.fromhex("6CB2FDA1B2C3")).decode(),
        b64encode(b"x" + bytes.fromhex("6CB2FDA1B2C3") + b"y").decode(),
        b64encode(b"name: BT-TH-FDA1B2C3").decode(),
        'fda1"], [0.231, "b2c3',
        "3C2B1ADF-HT-TB",
    ],
)
def test_what_gives_away(told: str) -> None:
    """Addresses and names are found forwards and backwards, as bytes, text, numbers and Base64."""
    secrets = [*secrets_of(load_world(OWNER))]
    assert given_away(f'{{"x": "{told}"}}', secrets)
    assert not given_away('{"address": "6C:B2:FD:00:00:01", "name": "BT-TH"}', secrets)
