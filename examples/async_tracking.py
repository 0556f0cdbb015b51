"""Track in an asyncio program: read frames, return results and change the target without blocking the event loop.

    python examples/async_tracking.py drive.mp4 "red car" "blue car"

The network runs without the interpreter lock, so a worker thread is enough. Only one task uses the tracker; other tasks
send it a message to change the target. Needs: pip install "edgetrack[video]"
"""

import asyncio
import sys
from typing import TypeAlias

import edgetrack

Texts: TypeAlias = "asyncio.Queue[str]"
Tracks: TypeAlias = "asyncio.Queue[edgetrack.Track | None]"  # None at the end of the video
SWITCH_AT = 30  # frame in which the second target is requested


async def follow(path: str, texts: Texts, tracks: Tracks) -> None:
    """Read and track each frame in a worker thread; ``texts`` provides new targets, ``tracks`` gets the results."""
    with edgetrack.open_source(path) as source, edgetrack.Tracker() as tracker:
        text, frames = await texts.get(), iter(source)
        while (frame := await asyncio.to_thread(next, frames, None)) is not None:
            if tracker.track is None:
                track = await asyncio.to_thread(tracker.start, frame, text)
            else:
                while not texts.empty():
                    tracker.set_text(texts.get_nowait())  # takes milliseconds; applies from this frame on
                track = await asyncio.to_thread(tracker.update, frame)
            await tracks.put(track)
    await tracks.put(None)  # the end of the video


async def report(first: str, second: str, texts: Texts, tracks: Tracks) -> None:
    """Simulate your program: print the tracks, and request another target after a while."""
    await texts.put(first)
    count = 0
    while (track := await tracks.get()) is not None:
        print(track.to_json(), flush=True)
        count += 1
        if count == SWITCH_AT:
            await texts.put(second)


async def heartbeat() -> None:
    """Show that nothing blocks the event loop: this runs every 10 ms while the network works."""
    beats = 0
    try:
        while True:
            await asyncio.sleep(0.01)
            beats += 1
    finally:
        print(f"{beats} heartbeats while tracking", file=sys.stderr)


async def main(path: str, first: str, second: str) -> None:
    texts: Texts = asyncio.Queue()
    tracks: Tracks = asyncio.Queue(maxsize=4)
    beating = asyncio.create_task(heartbeat())
    try:
        await asyncio.gather(follow(path, texts, tracks), report(first, second, texts, tracks))
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: async_tracking.py VIDEO TEXT OTHER_TEXT")
    try:
        asyncio.run(main(*sys.argv[1:]))
    except edgetrack.EdgetrackError as error:
        sys.exit(f"error: {error}")
