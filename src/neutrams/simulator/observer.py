"""Who may look at a run as it goes: what is shown, and when."""

from typing import Protocol

from neutrams.base.arrays import IntArray
from neutrams.simulator.cycle import Beat
from neutrams.simulator.moment import Moment
from neutrams.simulator.result import Activity, Run


class Observer(Protocol):
    """Sees a run, sample after sample and tick after tick, in order. What it does changes no result."""

    @property
    def neurons(self) -> IntArray:
        """int64 ``[watched]``, the neurons whose potentials it wants to see."""
        ...

    def see(self, sample: int, moment: Moment) -> None:
        """Take a tick; not called where all words are sent in every step (ann mode)."""
        ...

    def hear(self, sample: int, tick: int, beat: Beat) -> None:
        """Take what went on below a tick; called at level ``cycle``. Where samples are alike, of the first only."""
        ...

    def end_sample(self, sample: int, events: Activity) -> None:
        """Take the events of a finished sample."""
        ...

    def end(self, run: Run) -> None:
        """Take the finished run."""
        ...
