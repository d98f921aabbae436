"""A set of keys that stays small however long the file is."""

from __future__ import annotations

BLOCK_BITS = 10  # low bits of a number that are its place in a block: 1,024 numbers take 128 bytes
BLOCK_MASK = (1 << BLOCK_BITS) - 1


class NumberSet:
    """A set of integers that costs a bit or so for each where they lie close together, as keys do."""

    def __init__(self) -> None:
        self._blocks: dict[int, int] = {}

    def add(self, number: int) -> bool:
        """Add a number and return whether it is new."""
        block, bit = number >> BLOCK_BITS, 1 << (number & BLOCK_MASK)
        known = self._blocks.get(block, 0)
        self._blocks[block] = known | bit
        return not known & bit
