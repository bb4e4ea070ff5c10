# SPDX-License-Identifier: Apache-2.0
"""Where host and guest meet: a folder of the share for each order."""

from dataclasses import dataclass
from pathlib import Path
import shutil

from .order import Order, Outcome


@dataclass(frozen=True, slots=True)
class OrderFolder:
    """Where an order is, and where the guest leaves what came of it."""

    path: Path

    @property
    def world(self) -> Path:
        """Return the file of the world on the air."""
        return self.path / "world.json"

    @property
    def log(self) -> Path:
        """Return the file of events, one JSON object a line."""
        return self.path / "log.jsonl"

    @property
    def result(self) -> Path:
        """Return the file of the outcome."""
        return self.path / "result.json"

    @property
    def output(self) -> Path:
        """Return the file of what the run printed."""
        return self.path / "output"

    @property
    def _order(self) -> Path:
        return self.path / "order.json"

    @property
    def _status(self) -> Path:
        return self.path / "status"

    def write(self, order: Order, world: str) -> None:
        """Begin anew, with an order to carry out and nothing else."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)
        self._order.write_text(order.as_json())
        self.world.write_text(world)

    def order(self) -> Order:
        """Return the order."""
        return Order.from_json(self._order.read_text())

    def outcome(self) -> Outcome | None:
        """Return what came of it, None if nothing did."""
        if not self.result.exists():
            return None
        return Outcome.from_json(self.result.read_text())

    def failure(self) -> str | None:
        """Return why nothing came of it, None if something did."""
        if self.result.exists():
            return None
        lines = (
            self.output.read_text(errors="replace").splitlines()
            if self.output.exists()
            else []
        )
        return lines[-1] if lines else "the guest did not start"

    def set_over(self, status: int) -> None:
        """Note that the guest is through with it."""
        self._status.write_text(str(status))

    @property
    def is_over(self) -> bool:
        """Tell whether the guest is through with it."""
        return self._status.exists()

    def add_output(self, text: str) -> None:
        """Add to what the run printed."""
        with self.output.open("a", encoding="utf-8") as output:
            output.write(text)
