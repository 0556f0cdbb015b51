"""Structured information about what an engine runs on and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """What an engine runs on, in which precision, and why; commands and reports print ``str()`` of it."""

    backend: str  # for example "ONNX Runtime"
    version: str = ""  # version of the backend
    device: str = ""  # for example "the CPU"
    threads: int | None = None  # per network call; None on a GPU
    precision: str
    precision_reason: str  # why this precision was chosen
    details: tuple[str, ...] = ()  # further facts, such as how many nodes run on each device
    token_selection: str = ""  # what computes the token selection
    stand_in: str = ""  # why this backend replaces the requested one; empty if it is the requested one

    @property
    def machine(self) -> str:
        """Return backend and device, such as "ONNX Runtime 1.31.1 on the CPU, 2 threads"."""
        version = f" {self.version}" if self.version else ""
        device = f" on {self.device}" if self.device else ""
        threads = "" if self.threads is None else f", {self.threads} threads"
        return f"{self.backend}{version}{device}{threads}"

    @property
    def headline(self) -> str:
        """Return a short summary: the machine, or why another backend stands in."""
        return self.stand_in or self.machine

    def __str__(self) -> str:
        parts = [self.stand_in] if self.stand_in else []
        parts += [self.machine, f"{self.precision}: {self.precision_reason}", *self.details]
        parts += [f"token selection: {self.token_selection}"] if self.token_selection else []
        return "; ".join(parts)
