# SPDX-License-Identifier: Apache-2.0
"""Fuzzes one target with atheris; ends the process."""

from pathlib import Path
import sys

import atheris

from tests.bench.library import leave_home_assistant_out

leave_home_assistant_out()
with atheris.instrument_imports(
    include=["custom_components.renogy_bt.renogy", "tests.emulator", "tests.fuzz"]
):
    from tests.fuzz.seeds import seeds_of
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Fuzz the target named first, for the seconds named second, in the folder named third."""
    name, seconds, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds_of(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
