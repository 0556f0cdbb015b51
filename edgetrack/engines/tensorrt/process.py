"""``edgetrack build`` in a process of its own: it can be ended at any moment, and holds no interpreter lock of ours."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from edgetrack.bundle import Bundle
from edgetrack.engines.tensorrt.plans import PlanCache

_PACKAGE = Path(__file__).resolve().parents[3]  # the folder that this very edgetrack is imported from
_NICE = 10  # the frames come first
_PATIENCE_S = 2.0  # between asking a process to end and ending it
_log = logging.getLogger(__name__)


class BuildProcess:
    """Builds plans of a bundle; starts at once.

    Args:
        precision: "fp32", "fp16" or "int8".
        roles: of the graphs.
        plans: where they go.
    """

    def __init__(self, bundle: Bundle, precision: str, roles: Sequence[str], plans: PlanCache) -> None:
        self._began_s = time.perf_counter()
        self.seconds = 0.0  # that it took, when it has ended
        self.stopped = False
        command = [sys.executable, "-m", "edgetrack", "build"]
        command += ["--model", str(bundle.folder.resolve()), "--precision", precision]
        command += [f"--graph={role}" for role in roles]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd=_PACKAGE,  # python -m looks there first
            env={**os.environ, "EDGETRACK_CACHE": str(plans.folder.parent.resolve())},
            start_new_session=True,  # Ctrl-C is for the program that started it, which ends it
        )
        with suppress(OSError):  # it may have ended
            os.setpriority(os.PRIO_PROCESS, self._process.pid, _NICE)

    def result(self) -> str | None:
        """Waits for the end. None: it has built all; otherwise why not, in one line. Passes its warnings on."""
        _, said = self._process.communicate()
        self.seconds = time.perf_counter() - self._began_s
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        code = self._process.returncode
        if self.stopped:
            return "it was stopped"
        if code == 0:
            for line in lines:
                _log.warning("%s", line)
            return None
        if code < 0:
            return f"edgetrack build was ended by {signal.Signals(-code).name}; if memory is short, end other programs"
        return errors[-1] if errors else f"edgetrack build ended with code {code}: {' '.join(lines[-1:])}"

    def stop(self) -> None:
        """Ends it, with at most one plan lost: those that it has finished stay."""
        if self._process.poll() is not None:
            return
        self.stopped = True
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
