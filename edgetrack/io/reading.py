"""State that a source shares with its reader thread, in addition to the frames."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgetrack.io.states import Observed


@dataclass
class Reading:
    """The state of one reader: written in its thread, shown by `edgetrack.io.sources.Source`.

    Attributes:
        broken: Number of frames that could not be decoded and were skipped.
        complaints: Number of decoder errors, for those frames and for frames that it repaired.
        complaint: The first decoder error.
        remarks: Other remarks for the user about how the frames were made.
        canceled: Set when no more frames are needed.
        reconnects: How often a live source was reconnected.
        observed: State of a live source.
    """

    broken: int = 0
    complaints: int = 0
    complaint: str = ""
    remarks: list[str] = field(default_factory=list)
    canceled: bool = False
    reconnects: int = 0
    observed: Observed = field(default_factory=Observed)

    def remark(self, text: str) -> None:
        """Add a remark unless it is there already."""
        if text not in self.remarks:
            self.remarks.append(text)

    def notes(self) -> list[str]:
        """Return a sentence for each irregularity, for a summary."""
        said = list(self.remarks)
        if self.broken:
            frames = "1 frame" if self.broken == 1 else f"{self.broken} frames"
            said.append(f"{frames} could not be decoded and {'was' if self.broken == 1 else 'were'} left out")
        if self.reconnects:
            said.append(f"reconnected {'once' if self.reconnects == 1 else f'{self.reconnects} times'}")
        if self.complaints:
            times = "once" if self.complaints == 1 else f"{self.complaints} times"
            said.append(f"the decoder reported errors {times}, first: {self.complaint}")
        return said
