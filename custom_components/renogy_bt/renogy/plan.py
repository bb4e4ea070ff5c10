# SPDX-License-Identifier: Apache-2.0
"""Which blocks a poll reads: the widest that a battery gives, remembered per battery.

A request costs about 190 ms and 1 ms per byte (protocol 1.8), so few large reads win. What a
battery lets be read in one request differs (protocol 1.5): each block has narrower forms
that are asked when it is refused. No two blocks have the same length, so that a late reply
can never pass for the answer to another block.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, override


@dataclass(frozen=True, slots=True)
class Block:
    """A run of registers that one request reads."""

    address: int
    count: int

    @override
    def __str__(self) -> str:
        """Return the usual spelling, address and count."""
        return f"{self.address}x{self.count}"


EVERYTHING: Final = Block(5000, 110)
MEASUREMENTS: Final = Block(5000, 53)
CELLS: Final = Block(5000, 34)
CELL_VOLTAGES: Final = Block(5000, 17)
# Without the 16th sensor, so as not to be as long as the voltages.
CELL_TEMPERATURES: Final = Block(5017, 16)
MODULE: Final = Block(5035, 18)
MODULE_NO_TEMPERATURES: Final = Block(5042, 11)
MODULE_NO_LIMITS: Final = Block(5042, 7)
STATUS: Final = Block(5100, 10)
STATUS_NO_CELLS: Final = Block(5104, 6)
STATUS_WORDS: Final = Block(5106, 2)
# What a fast poll reads; where one of them is refused everything is read in its place.
ELECTRICAL: Final = MODULE_NO_LIMITS
# The same, by a reply of another length: one to the shorter form that comes late is none to it.
ELECTRICAL_LONGER: Final = Block(5042, 9)
PROTECTIONS: Final = Block(5106, 4)
IDENTITY: Final = Block(5110, 32)
MODEL: Final = Block(5122, 8)
CONFIGURATION: Final = Block(5200, 24)
# Any battery gives this block, and a short reply takes the least time.
CELL_COUNT: Final = Block(5000, 1)

# A reading can do without a block that has an empty tuple; a block without a row is
# indispensable.
NARROWER: Final[Mapping[Block, tuple[Block, ...]]] = MappingProxyType(
    {
        EVERYTHING: (MEASUREMENTS, STATUS),
        MEASUREMENTS: (CELLS, MODULE),
        CELLS: (CELL_VOLTAGES, CELL_TEMPERATURES),
        MODULE: (MODULE_NO_TEMPERATURES,),
        MODULE_NO_TEMPERATURES: (MODULE_NO_LIMITS,),
        STATUS: (STATUS_NO_CELLS,),
        STATUS_NO_CELLS: (STATUS_WORDS,),
        STATUS_WORDS: (),
        IDENTITY: (MODEL,),
        MODEL: (),
        CONFIGURATION: (),
    }
)

# A silent block is refused once its narrower form has answered this often instead.
MISSES_UNTIL_REFUSED: Final = 2
# A refused block is asked again after this: a new firmware may give it.
REFUSAL_SECONDS: Final = 24 * 3600.0
# Silence is weaker evidence than an exception: replies may have been lost.
SILENCE_REFUSAL_SECONDS: Final = 3600.0


class ReadPlan:
    """What is known of one battery's willingness to answer each block.

    A block is *proven* once it was answered, *refused* by an exception or by repeated silence
    where its narrower form answered, and *doubted* between a silence and that form's answer.
    """

    def __init__(self) -> None:
        """Start knowing nothing."""
        self._proven: set[Block] = set()
        self._doubted: set[Block] = set()
        self._put_off: set[Block] = set()
        self._misses: Counter[Block] = Counter()
        self._refused_until: dict[Block, float] = {}

    def asks(self, block: Block, now: float) -> bool:
        """Tell whether this block is to be asked, rather than its narrower forms."""
        if block in self._doubted or block in self._put_off:
            return False
        return now >= self._refused_until.get(block, now)

    def is_proven(self, block: Block) -> bool:
        """Tell whether the battery ever answered this block."""
        return block in self._proven

    def narrower_has_answered(self, block: Block) -> bool:
        """Tell whether the narrower form once answered where the block itself did not."""
        return self._misses[block] > 0

    def answered(
        self, blocks: Iterable[Block], bypassed: Iterable[Block], now: float
    ) -> None:
        """Remember which blocks the battery gives.

        `bypassed` are the blocks in whose place narrower ones were answered.
        """
        self._put_off.clear()
        for block in blocks:
            self._proven.add(block)
            self._misses.pop(block, None)
            self._refused_until.pop(block, None)
        for block in bypassed:
            self._narrower_answered(block, now)

    def put_off(self, block: Block) -> None:
        """Do not ask for this block, which may well be refused, before the next success."""
        if block not in self._proven:
            self._put_off.add(block)

    def refused(self, block: Block, now: float) -> None:
        """Remember that the battery does not give this block."""
        self._refuse(block, now + REFUSAL_SECONDS)

    def _refuse(self, block: Block, until: float) -> None:
        self._proven.discard(block)
        self._refused_until[block] = until

    def unanswered(self, block: Block) -> bool:
        """Take note of a silence; tell whether a narrower form may be tried instead.

        Silence on a block that the battery is known to give is a lost reply, nothing more.
        """
        if block in self._proven or block not in NARROWER:
            return False
        self._doubted.add(block)
        return True

    def _narrower_answered(self, block: Block, now: float) -> None:
        """Judge a doubted block, now that its narrower forms have answered."""
        if block not in self._doubted:
            return
        self._doubted.remove(block)
        self._misses[block] += 1
        if self._misses[block] >= MISSES_UNTIL_REFUSED:
            self._refuse(block, now + SILENCE_REFUSAL_SECONDS)

    def missed(self, block: Block, now: float) -> None:
        """Take note of a silence on a block that a wider one can stand in for."""
        if block in self._proven:
            return
        self._misses[block] += 1
        if self._misses[block] >= MISSES_UNTIL_REFUSED:
            self._refuse(block, now + SILENCE_REFUSAL_SECONDS)

    def forget_doubts(self) -> None:
        """Blame no block for the silence of a battery that answers nothing at all."""
        self._doubted.clear()

    def blocks(self, root: Block, now: float) -> tuple[Block, ...]:
        """Return the blocks that a poll would ask, as far as is known."""
        if self.asks(root, now):
            return (root,)
        return tuple(
            block
            for narrower in NARROWER.get(root, ())
            for block in self.blocks(narrower, now)
        )
