"""A set of keys that stays small."""

from __future__ import annotations

import tracemalloc

import pytest

from library.number_set import NumberSet


@pytest.mark.parametrize("number", [1, 1023, 1024, 2**31, 2**63 - 1])
def test_a_number_is_new_once(number):
    numbers = NumberSet()
    assert [numbers.add(number), numbers.add(number)] == [True, False]


def test_neighbours_are_other_numbers():
    numbers = NumberSet()
    assert all(numbers.add(number) for number in range(1, 5000))
    assert not any(numbers.add(number) for number in range(1, 5000))


def test_keys_that_lie_close_together_take_a_few_bits_each():
    tracemalloc.start()
    numbers = NumberSet()
    for number in range(100_000):
        numbers.add(number)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 100_000
