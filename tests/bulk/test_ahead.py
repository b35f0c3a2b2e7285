"""What a thread yields reaches the event loop in order, and ends with whoever takes it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import aclosing
from itertools import count
from threading import Event

import pytest

from rcu.bulk.ahead import in_thread

PATIENCE_SECONDS = 10


async def test_the_thread_goes_on_while_nobody_takes() -> None:
    made_all = Event()

    def numbers() -> Generator[int, None, None]:
        yield from range(1000)
        made_all.set()

    async with aclosing(in_thread(numbers())) as taken:
        first = await anext(taken)
        assert made_all.wait(PATIENCE_SECONDS)
        rest = [number async for number in taken]

    assert [first, *rest] == list(range(1000))


async def test_who_leaves_early_ends_the_thread() -> None:
    closed = Event()

    def numbers() -> Generator[int, None, None]:
        try:
            yield from count()
        finally:
            closed.set()

    async with aclosing(in_thread(numbers())) as taken:
        assert await anext(taken) == 0

    assert closed.is_set()


async def test_what_fails_in_the_thread_fails_here() -> None:
    def numbers() -> Generator[int, None, None]:
        yield 1
        raise RuntimeError("the disk is full")

    async with aclosing(in_thread(numbers())) as taken:
        assert await anext(taken) == 1
        with pytest.raises(RuntimeError, match="disk"):
            await anext(taken)
