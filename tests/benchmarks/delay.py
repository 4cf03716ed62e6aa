"""A proxy that makes a server on this machine feel far away: a round trip, and a narrow way.

    python tests/benchmarks/delay.py --to 7860 --port 7999     # 200 ms and 10 Mbit/s

Bytes are held for half of the round trip either way, and leave no faster than the way is wide; both
directions have a way of their own, which all connections share.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import threading
from collections.abc import Iterator

_CHUNK = 16 * 1024


class Way:
    """One direction: every chunk arrives after its place in the line and the delay.

    Args:
        delay: Seconds from one end to the other.
        rate: Bytes a second.
    """

    def __init__(self, delay: float, rate: float) -> None:
        self.delay, self.rate = delay, rate
        self._free = 0.0  # when the way has room again

    def due(self, now: float, size: int) -> float:
        """Return when so many bytes sent now are there; the way is taken until they are through."""
        self._free = max(self._free, now) + size / self.rate
        return self._free + self.delay

    async def carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """Carry bytes until the source ends."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)
        writing = asyncio.create_task(self._write(waiting, target))
        with contextlib.suppress(ConnectionError):
            while data := await source.read(_CHUNK):
                await waiting.put((self.due(loop.time(), len(data)), data))
        await waiting.put((loop.time() + self.delay, b""))
        await writing

    async def _write(
        self, waiting: asyncio.Queue[tuple[float, bytes]], target: asyncio.StreamWriter
    ) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            while True:
                due, data = await waiting.get()
                await asyncio.sleep(due - loop.time())
                if not data:
                    break
                target.write(data)
                await target.drain()
        target.close()


async def _serve(port: int, to: int, round_trip: float, megabits: float, ready: list) -> None:
    there, back = (Way(round_trip / 2, megabits * 125_000) for _ in range(2))

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to)
        except OSError:
            writer.close()
            return
        await asyncio.gather(there.carry(reader, far_writer), back.carry(far_reader, writer))

    server = await asyncio.start_server(connect, "127.0.0.1", port)
    ready.append(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


@contextlib.contextmanager
def far_away(to: int, *, round_trip: float = 0.2, megabits: float = 10.0) -> Iterator[int]:
    """Put a proxy before a port, in a thread of its own; yields the port to go to instead.

    Args:
        to: The server's port on this machine.
        round_trip: Seconds there and back.
        megabits: A second, either way.
    """
    loop, ready = asyncio.new_event_loop(), []
    loop.set_exception_handler(lambda *_: None)  # of connections cut off at the end
    serving = loop.create_task(_serve(0, to, round_trip, megabits, ready))

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(serving)
        left = asyncio.all_tasks(loop)  # connections that were still open
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while not ready:
        thread.join(0.01)
    yield ready[0]
    loop.call_soon_threadsafe(serving.cancel)
    thread.join(5)


def main() -> None:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--to", type=int, required=True, help="the server's port")
    parser.add_argument("--port", type=int, required=True, help="the port to go to instead")
    parser.add_argument("--round-trip", type=float, default=0.2, help="seconds (%(default)s)")
    parser.add_argument("--megabits", type=float, default=10.0, help="a second (%(default)s)")
    options = parser.parse_args()
    way = (options.round_trip, options.megabits)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(options.port, options.to, *way, []))


if __name__ == "__main__":
    main()
