"""What `neutrams.simulate` gives: outputs, the plain numbers, and the page."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.base.files import write_atomically
from neutrams.report.data import ReportData, RunRecord
from neutrams.report.page import write_report
from neutrams.report.record import record_of

if TYPE_CHECKING:
    from neutrams.flow import Compiled, Evaluated


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """A finished simulation of a compiled network.

    Attributes:
        compiled: What ran.
        evaluated: What came out, with events and costs.
    """

    compiled: "Compiled"
    evaluated: "Evaluated"

    @property
    def outputs(self) -> dict[str, AnyArray]:
        """float64 ``[N, ...]`` for each output of the model, host operators included, in its own units."""
        return dict(self.evaluated.outputs)

    @property
    def accuracy(self) -> float | None:
        """Fraction of samples classified rightly [1]; None without labels."""
        return self.evaluated.accuracy

    @property
    def energy_j(self) -> float | None:
        """Nominal energy a sample [J]; None at level ``functional``."""
        cost = self.evaluated.run.cost
        return None if cost is None else cost.energy_band_j[1]

    @property
    def latency_s(self) -> float | None:
        """First input to last output of a sample [s]; None at level ``functional``."""
        cost = self.evaluated.run.cost
        return None if cost is None else cost.latency_s

    def record(self, title: str | None = None) -> RunRecord:
        """Return everything a page shows of this run, ready for JSON."""
        program = self.compiled.program
        return record_of(self.compiled, self.evaluated, title or f"{program.chip.name}, {program.mode.upper()} mode")

    def report(self, path: str | Path, title: str | None = None) -> None:
        """Write the HTML page of this run.

        Raises:
            InputError: The folder does not exist or cannot be written.
        """
        record = self.record(title)
        write_report(ReportData(title=record.title, runs=(record,)), Path(path))

    def save_outputs(self, path: str | Path) -> None:
        """Write the outputs as an npz file, by name.

        Raises:
            InputError: The folder does not exist or cannot be written.
        """
        buffer = BytesIO()
        np.savez(buffer, allow_pickle=False, **self.outputs)
        write_atomically(Path(path), buffer.getvalue())
