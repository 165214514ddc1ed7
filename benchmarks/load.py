"""Many readers at once, without browsers: does the app answer them all, and does memory stay flat?

Each session speaks Streamlit's own protocol over a web socket: it types a new sentence every few
seconds and waits until the script has finished. Prints the median of one session alone, the median
of all together, their ratio, and the server's memory over time.

    python -m benchmarks.load --sessions 30 --every 4 --seconds 90
"""

import argparse
import asyncio
import random
import statistics
import time
from dataclasses import dataclass, field

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from benchmarks.server import ROOT, Server, server

WORDS = {
    "who": ["My sister", "The old man", "Our teacher", "A little girl", "The doctor", "He", "She"],
    "does": ["reads", "likes", "bought", "forgot", "wants", "found", "sold", "needs"],
    "what": ["a book", "the house", "some bread", "a new car", "the letter", "a cup of tea"],
    "when": ["every day", "yesterday", "in the evening", "before breakfast", "again", "today"],
}


@dataclass
class Session:
    """One reader: the socket, the sentence box and its fragment, latencies in seconds, errors."""

    socket: ClientConnection
    box: str = ""
    fragment: str = ""
    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    async def ask(self, sentence: str | None) -> None:
        """Rerun the app with `sentence` in the box (None: as a first visit) until it finishes."""
        message = BackMsg()
        message.rerun_script.query_string = ""
        if sentence is not None:
            widget = message.rerun_script.widget_states.widgets.add()
            widget.id, widget.string_value = self.box, sentence
            message.rerun_script.fragment_id = self.fragment
        begin = time.perf_counter()
        await self.socket.send(message.SerializeToString())
        while not self._is_end(ForwardMsg.FromString(await self.socket.recv(decode=False))):
            pass
        if sentence is not None:
            self.latencies.append(time.perf_counter() - begin)

    def _is_end(self, message: ForwardMsg) -> bool:
        element = message.delta.new_element
        kind = element.WhichOneof("type")
        if kind == "text_input" and not self.box:
            self.box, self.fragment = element.text_input.id, message.delta.fragment_id
        if kind == "exception":
            self.errors.append(element.exception.message)
        return message.WhichOneof("type") == "script_finished"


async def read(where: Server, seconds: float, every: float, seed: int) -> Session:
    """One reader's visit."""
    rng = random.Random(seed)
    address = f"ws://localhost:{where.port}/_stcore/stream"
    async with connect(address, subprotocols=[Subprotocol("streamlit")], max_size=None) as socket:
        session = Session(socket)
        await session.ask(None)
        await asyncio.sleep(rng.random() * every)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begin = time.monotonic()
            await session.ask(" ".join(rng.choice(part) for part in WORDS.values()) + ".")
            await asyncio.sleep(max(0.0, every - (time.monotonic() - begin)))
        return session


async def memory(where: Server, seconds: float) -> list[tuple[float, float]]:
    """(seconds since the start, megabytes), every ten seconds."""
    begin, found = time.monotonic(), []
    while (now := time.monotonic() - begin) < seconds:
        found.append((now, where.megabytes()))
        await asyncio.sleep(10)
    return found


async def measure(where: Server, args: argparse.Namespace) -> None:
    """Print the table."""
    alone = await read(where, 30.0, args.every, seed=0)
    visits = [read(where, args.seconds, args.every, seed) for seed in range(1, args.sessions + 1)]
    rss, sessions = await asyncio.gather(memory(where, args.seconds), asyncio.gather(*visits))
    one = statistics.median(alone.latencies) * 1000
    times = sorted(t * 1000 for session in sessions for t in session.latencies)
    errors = [e for session in [alone, *sessions] for e in session.errors]
    print(f"{'sessions':>9} {'sentences':>10} {'median ms':>10} {'p95 ms':>8} {'errors':>7}")
    print(f"{1:>9} {len(alone.latencies):>10} {one:>10.0f} {max(alone.latencies) * 1000:>8.0f}")
    p95 = times[int(0.95 * (len(times) - 1))]
    middle = statistics.median(times)
    print(f"{len(sessions):>9} {len(times):>10} {middle:>10.0f} {p95:>8.0f} {len(errors):>7}")
    print(f"median ratio {args.sessions} sessions / 1: {middle / one:.1f}")
    print("memory MB: " + ", ".join(f"{mb:.0f} at {t:.0f} s" for t, mb in rss))
    for error in sorted(set(errors)):
        print("error:", error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--every", type=float, default=4.0, help="seconds between sentences")
    parser.add_argument("--seconds", type=float, default=90.0)
    args = parser.parse_args()
    with server(ROOT / "streamlit_app.py") as where:
        asyncio.run(measure(where, args))


if __name__ == "__main__":
    main()
