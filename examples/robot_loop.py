"""Steer a robot toward the object that a sentence names.

    python examples/robot_loop.py 0 "red backpack"          # camera 0
    python examples/robot_loop.py drive.mp4 "red car"       # a video, for a test

Prints one command per frame. To drive a robot, change ``send`` to send the command to its motors.
Needs: pip install "edgetrack[video]"
"""

import sys
from dataclasses import dataclass

import edgetrack

DEADLINE_MS = 50.0  # the control loop runs at 20 Hz; a late network must not stall it
DESIRED_HEIGHT = 0.5  # of the image height: the robot keeps the distance at which the target is this tall


@dataclass
class Command:
    """The command for the motors: forward speed and turn rate, each -1..1; positive turns right."""

    speed: float
    turn: float
    reason: str


def decide(track: edgetrack.Track, width: int, height: int) -> Command:
    """Convert a track to a command. The robot drives only with the status ``tracking``."""
    if track.status in ("searching", "lost") or track.box is None:
        return Command(0.0, 0.0, track.status)  # stop; edgetrack continues to search for the target
    x, _ = track.box.center
    turn = 2 * x / width - 1
    if track.status == "uncertain":
        return Command(0.0, 0.3 * turn, "uncertain")  # keep it in view, but do not approach an unreliable box
    speed = 1 - track.box.h / (DESIRED_HEIGHT * height)
    return Command(max(-1.0, min(1.0, speed)), turn, track.basis)


def send(index: int, command: Command) -> None:
    """Replace this by your robot's interface, such as publishing a ROS Twist."""
    print(f"{index} speed {command.speed:+.2f} turn {command.turn:+.2f} {command.reason}", flush=True)


def main(source: str, text: str) -> None:
    opened = int(source) if source.isdigit() else source
    # A background thread reads a live camera: each frame here is the newest one, and older frames are dropped.
    for frame, track in edgetrack.track(opened, text=text, deadline_ms=DEADLINE_MS):
        height, width = frame.pixels.shape[:2]
        send(frame.index, decide(track, width, height))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit('usage: robot_loop.py SOURCE TEXT, such as: robot_loop.py 0 "red backpack"')
    try:
        main(*sys.argv[1:])
    except edgetrack.EdgetrackError as error:
        sys.exit(f"error: {error}")
