# SPDX-License-Identifier: Apache-2.0
"""Three runs of the demo in real time, and their files through `scripts/replay`, as people do it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
import json
from pathlib import Path
import subprocess
import sys
import tempfile
from typing import Any, Final

from .runs import instead

type Told = dict[str, Any]

DEMO_SECONDS: Final = 240.0
REPLAY_SECONDS: Final = 300.0


@dataclass(frozen=True, kw_only=True)
class Demo:
    """A run of the demo, and what its replay has to say besides that nothing differs."""

    name: str
    arguments: tuple[str, ...] = ()
    world: Told | None = None
    is_right: Callable[[Told], bool]


def _is_all_the_same(told: Told) -> bool:
    return bool(told["values"]["same"] > 200)


def _is_judged(told: Told) -> bool:
    """Whether the fault was judged, and a step decided on, then and now."""
    verdicts = {(each["then"], each["now"]) for each in told["verdicts"]}
    return ("silent", "silent") in verdicts and bool(told["steps"])


def _is_refused_again(told: Told) -> bool:
    return bool(told["values"] == {"same": 1, "different": 0, "unknown": 0})


DEMOS: Final = (
    Demo(name="a normal day", is_right=_is_all_the_same),
    Demo(
        name="--fault discovery-stuck",
        arguments=("--fault", "discovery-stuck"),
        is_right=_is_judged,
    ),
    Demo(
        name="a set-up that failed at a charge controller",
        world=instead("charge_controller"),
        is_right=_is_refused_again,
    ),
)


def run_demos() -> Iterator[tuple[str, Told | None, bool]]:
    """Yield of each demo its name, what the replay told, and whether that is right."""
    for demo in DEMOS:
        with tempfile.TemporaryDirectory(prefix="renogy_bt-demos-") as folder:
            told = _replayed(demo, Path(folder))
        yield (
            demo.name,
            told,
            told is not None
            and not told["values"]["different"]
            and demo.is_right(told),
        )


def _replayed(demo: Demo, folder: Path) -> Told | None:
    """Return the document of the replay of a demo's file, None where there is none."""
    file, world = folder / "file.json", folder / "world.json"
    arguments = [*demo.arguments, "--diagnostics", str(file)]
    if demo.world is not None:
        world.write_text(json.dumps(demo.world), encoding="utf-8")
        arguments += ["--world", str(world)]
    _run("tests.demo", "--check", *arguments, seconds=DEMO_SECONDS)
    if not file.exists():
        return None
    text = _run("tests.replay", "--json", str(file), seconds=REPLAY_SECONDS)
    told: Told | None = json.loads(text) if text else None
    return told


def _run(module: str, *arguments: str, seconds: float) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.PIPE,
        check=False,
        text=True,
        timeout=seconds,
    )
    return done.stdout
