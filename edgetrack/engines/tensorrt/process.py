"""``edgetrack build`` in a separate process, which can be stopped at any time and holds no interpreter lock of ours."""

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

_PACKAGE = Path(__file__).resolve().parents[3]  # the folder from which this edgetrack was imported
_NICE = 10  # tracking has priority
_PATIENCE_S = 2.0  # time between SIGTERM and SIGKILL
_log = logging.getLogger(__name__)


class BuildProcess:
    """A process that builds plans of a bundle; it starts at once.

    Args:
        bundle: The bundle.
        precision: "fp32", "fp16" or "int8".
        roles: Roles of the graphs to build.
        plans: Cache that the plans are written to.
    """

    def __init__(self, bundle: Bundle, precision: str, roles: Sequence[str], plans: PlanCache) -> None:
        self._began_s = time.perf_counter()
        self.seconds = 0.0  # duration, known once the process has ended
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
            cwd=_PACKAGE,  # python -m searches this folder first
            env={**os.environ, "EDGETRACK_CACHE": str(plans.folder.parent.resolve())},
            start_new_session=True,  # Ctrl-C goes to the parent only, which stops this process
        )
        with suppress(OSError):  # the process may have ended already
            os.setpriority(os.PRIO_PROCESS, self._process.pid, _NICE)

    def result(self) -> str | None:
        """Wait for the process to end; return None on success, otherwise the problem in one line. Log its warnings."""
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
            return f"edgetrack build was ended by {signal.Signals(-code).name}; if memory ran out, end other programs"
        return errors[-1] if errors else f"edgetrack build ended with code {code}: {' '.join(lines[-1:])}"

    def stop(self) -> None:
        """Stop the process. Finished plans are kept, so at most the plan in progress is lost."""
        if self._process.poll() is not None:
            return
        self.stopped = True
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
