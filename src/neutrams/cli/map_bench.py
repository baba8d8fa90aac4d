"""``neutrams map-bench``: the mapper on workloads of 16,000 to 100,000 neurons, beside other partitioners."""

from typing import Annotated

import typer

from neutrams.base.errors import SpecError
from neutrams.cli.options import Json
from neutrams.cli.show import console, emit, stages


def map_bench(
    workloads: Annotated[
        str | None, typer.Option(metavar="NAME,…", help="Workloads; all of them without this option.")
    ] = None,
    effort: Annotated[int, typer.Option(min=0, max=3, help="How much our mapper searches.")] = 2,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of our search.")] = 0,
    network_seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="Of the networks; as published without this option.")
    ] = None,
    scale: Annotated[float, typer.Option(help="Size of the networks, against that in their names.")] = 1.0,
    opponents: Annotated[
        bool, typer.Option("--opponents/--no-opponents", help="Run mtkahypar, pymetis, kaminpar where installed.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Cut networks into cores and place these: by our mapper, in sequence, by other partitioners that are installed."""
    from dataclasses import asdict

    from neutrams.flow.map_bench import CASES, check_names
    from neutrams.flow.map_bench import map_bench as rows_of
    from neutrams.report.terminal import map_table

    names = list(CASES) if workloads is None else workloads.split(",")
    check_names(names)
    if not 0.001 <= scale <= 100:
        raise SpecError(f"scale is {scale}", where="map-bench, option --scale", fix="give a number from 0.001 to 100")
    with stages() as tell:
        found = rows_of(
            names, effort=effort, seed=seed, scale=scale, opponents=opponents, network_seed=network_seed, tell=tell
        )
        rows = list(found)
    if as_json:
        emit({"rows": [asdict(row) for row in rows]})
        return
    console().print(map_table([asdict(row) for row in rows]))
