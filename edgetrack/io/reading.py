"""What passes between a source and whoever reads for it, beside the frames."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgetrack.io.states import Observed


@dataclass
class Reading:
    """The state of one reader: written in its thread, shown by `edgetrack.io.sources.Source`.

    Attributes:
        broken: pictures that could not be decoded and were left out.
        complaints: how often the decoder complained, of those and of pictures that it mended.
        complaint: the first complaint.
        remarks: what else a user should know of how the frames came about.
        canceled: set when nobody wants frames any more.
        reconnects: how often a live source was connected again.
        observed: what a live source is doing.
    """

    broken: int = 0
    complaints: int = 0
    complaint: str = ""
    remarks: list[str] = field(default_factory=list)
    canceled: bool = False
    reconnects: int = 0
    observed: Observed = field(default_factory=Observed)

    def remark(self, text: str) -> None:
        """Adds what is not there yet."""
        if text not in self.remarks:
            self.remarks.append(text)

    def notes(self) -> list[str]:
        """One sentence for each thing that was not as it should be, fit for a summary."""
        said = list(self.remarks)
        if self.broken:
            pictures = "1 picture" if self.broken == 1 else f"{self.broken} pictures"
            said.append(f"{pictures} could not be decoded and {'is' if self.broken == 1 else 'are'} left out")
        if self.reconnects:
            said.append(f"connected again {'once' if self.reconnects == 1 else f'{self.reconnects} times'}")
        if self.complaints:
            times = "once" if self.complaints == 1 else f"{self.complaints} times"
            said.append(f"the decoder complained {times}, first of: {self.complaint}")
        return said
