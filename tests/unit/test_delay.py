"""The proxy of the benchmark: bytes arrive whole and late, and no faster than the way is wide."""

import asyncio

import pytest

from tests.benchmarks.delay import Way


class Sink:
    def __init__(self):
        self.data, self.closed = b"", False

    def write(self, data):
        self.data += data

    async def drain(self):
        pass

    def close(self):
        self.closed = True


def test_what_goes_in_comes_out_whole_and_in_order():
    parts = [bytes([i]) * 40_000 for i in range(5)]

    async def work():
        source, sink = asyncio.StreamReader(), Sink()
        for part in parts:
            source.feed_data(part)
        source.feed_eof()
        await Way(0.001, 1e9).carry(source, sink)
        return sink

    sink = asyncio.run(work())
    assert sink.data == b"".join(parts)
    assert sink.closed


def test_every_chunk_waits_for_the_one_before_and_for_the_way():
    way = Way(0.1, 1000.0)
    assert way.due(5.0, 500) == pytest.approx(5.6)
    assert way.due(5.0, 500) == pytest.approx(6.1)  # the way was taken until 5.5
    assert way.due(9.0, 100) == pytest.approx(9.2)  # and free again
