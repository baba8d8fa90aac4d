"""The independent checker: every constraint of the chip, on the tables alone; it shares no code with the mapper.

Checks come in stages: forms of tables, then indices, then everything else. A stage that finds something ends the
check, because the next one could not read the tables.
"""

from collections.abc import Callable

from neutrams.program.tables import Program
from neutrams.program.verify_cores import check_cores
from neutrams.program.verify_form import check_form, check_indices
from neutrams.program.verify_parameters import check_parameters
from neutrams.program.verify_ports import check_ports
from neutrams.program.verify_routes import check_routes
from neutrams.program.verify_signals import check_signals
from neutrams.program.verify_tables import check_tables
from neutrams.program.violation import Found, Violation

__all__ = ["Violation", "violations"]

STAGES: tuple[tuple[Callable[[Program], Found], ...], ...] = (
    (check_form,),
    (check_indices,),
    (check_cores, check_parameters, check_signals, check_ports, check_routes, check_tables),
)


def violations(program: Program) -> list[Violation]:
    """Return every violated constraint of ``program`` on its own chip; an empty list means it may be loaded.

    A garbage program gives violations, never an exception.
    """
    for stage in STAGES:
        found = [violation for check in stage for violation in check(program)]
        if found:
            return found
    return []
