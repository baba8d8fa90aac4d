"""Chip files: what is loaded is what was written; every mistake is told with file, key, value and range."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_parts import sram_chip
from neutrams.base.errors import NeutramsError, SpecError
from neutrams.hardware import Chip, Figure, chip_to_toml, explain, load_chip, preset_names
from neutrams.hardware.figure import unit_of
from neutrams.hardware.rules import FUNCTIONS
from neutrams.hardware.schema import keys_of
from neutrams.network import ops
from neutrams.neurons import models

WriteChip = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> WriteChip:
    def put(text: str) -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return put


def changed(text: str, key: str, new: str) -> str:
    """The chip text with the line of ``key`` replaced, or dropped where ``new`` is empty."""
    lines = text.splitlines()
    at = [i for i, line in enumerate(lines) if line.startswith(f"{key} = ")]
    assert len(at) == 1, key
    lines[at[0] : at[0] + 1] = [new] if new else []
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", preset_names())
def test_every_number_of_a_preset_has_unit_kind_and_source(name: str) -> None:
    chip = load_chip(name)
    numbers = {key: about.required for key, about in keys_of(Chip).items() if about.is_number}
    assert {key for key, required in numbers.items() if required} <= set(chip.figures) <= set(numbers)
    assert {row.key for row in explain(chip) if row.kind} == set(chip.figures)
    for key, figure in chip.figures.items():
        assert figure.unit == unit_of(key)
        assert figure.kind != "user"
        assert len(figure.source) > 8
        low, nominal, high = figure.band
        assert 0 <= low <= nominal <= high
    assert chip.name == name


@pytest.mark.parametrize("name", preset_names())
def test_no_composed_figure_is_called_published(name: str) -> None:
    for key, figure in load_chip(name).figures.items():
        if (key.startswith("technology.") and name != "loihi") or "composed" in figure.source:
            assert figure.kind in {"assumed", "derived"}


def test_presets_are_found_in_capitals_too() -> None:
    assert load_chip("TIANJI") == load_chip("tianji")


def test_presets_hold_what_is_published() -> None:
    tianji, prime = load_chip("tianji"), load_chip("prime")
    assert (tianji.core.axons, tianji.core.neurons, tianji.core.weight_range) == (256, 256, (-128, 127))
    assert (prime.core.axons, prime.core.neurons, prime.core.weight_range) == (256, 128, (-255, 255))
    assert prime.technology.array_j.band == (1.3e-9, 1.6e-9, 1.9e-9)
    synapses = prime.board.rows * prime.board.columns * prime.board.chips * 256 * 128
    assert synapses == pytest.approx(2.7e8, rel=0.01)


@pytest.mark.parametrize("name", preset_names())
def test_a_chip_survives_its_text(name: str, write: WriteChip) -> None:
    chip = load_chip(name)
    assert load_chip(write(chip_to_toml(chip))) == chip


def test_sections_of_which_nothing_is_given_are_not_written(write: WriteChip) -> None:
    text = chip_to_toml(load_chip("tianji"))
    assert [name for name in ("pipeline", "weights", "state", "buffer", "cell") if f"[{name}]" in text] == []
    chip = sram_chip()
    text = chip_to_toml(chip)
    assert 'kind = "SRAM"' in text
    assert "leak_w" not in text
    assert load_chip(write(text)) == chip


@given(
    text=st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12),
    bits=st.integers(1, 15),
    energy=st.floats(0, 1e3),
    dead=st.lists(st.integers(0, 100), max_size=3),
)
@settings(max_examples=40, deadline=None)
def test_any_values_survive_the_text(
    tmp_path_factory: pytest.TempPathFactory, text: str, bits: int, energy: float, dead: list[int]
) -> None:
    figure = Figure(value=energy, unit="J", kind="tool", source=text, low=energy / 2, node_nm=28)
    chip = load_chip("tianji").with_values(
        core={"weight_bits": bits}, board={"dead_cores": dead}, technology={"link_j": figure}
    )
    chip = Chip.model_validate({**chip.model_dump(), "name": text, "description": text})
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(chip_to_toml(chip), encoding="utf-8", newline="")
    assert load_chip(path) == chip
    assert chip.technology.link_j == chip.figures["technology.link_j"] == figure


@pytest.mark.parametrize("key", [row.key for row in explain(load_chip("tianji")) if row.value is not None])
def test_every_key_can_be_set_to_what_it_was(key: str) -> None:
    chip = load_chip("tianji")
    row = next(row for row in explain(chip) if row.key == key)
    text = ",".join(map(str, row.value)) if isinstance(row.value, list) else str(row.value)
    again = load_chip("tianji", {key: text.lower() if isinstance(row.value, bool) else text})
    assert [r.value for r in explain(again)] == [r.value for r in explain(chip)]
    if key in chip.figures:
        figure = again.figures[key]
        assert (figure.kind, figure.source, figure.low, figure.high) == ("user", "set by the user", None, None)
        assert {k for k in chip.figures if again.figures[k] != chip.figures[k]} == {key}


def test_overrides_by_hand() -> None:
    chip = load_chip(
        "tianji", {"core.weight_bits": "3", "neuron.models": "requantize, if_soft", "signal.skip_zero": "true"}
    )
    assert chip.core.weight_range == (-4, 3)
    assert chip.neuron.models == ("requantize", "if_soft")
    assert chip.signal.skip_zero
    assert load_chip("tianji", {"technology.axon_j": "2e-12"}).technology.axon_j.band == (2e-12, 2e-12, 2e-12)


def test_with_values_makes_changed_figures_the_users() -> None:
    chip = load_chip("tianji")
    other = chip.with_values(core={"axons": 64, "neurons": 256}, technology={"axon_j": 1e-12, "link_j": 13.4e-12})
    assert (other.core.axons, other.figures["core.axons"].value, other.figures["core.axons"].kind) == (64, 64, "user")
    assert other.figures["core.neurons"] == chip.figures["core.neurons"]
    assert other.technology.axon_j.kind == "user"
    assert other.technology.link_j == chip.technology.link_j
    with pytest.raises(SpecError, match=r"chip 'tianji': core.axons is 0, allowed is an integer, 1 to 1048576"):
        chip.with_values(core={"axons": 0})
    with pytest.raises(SpecError, match="boord is not a key of a chip"):
        chip.with_values(boord={"rows": 2})
    with pytest.raises(SpecError, match=r"technology\.axon_j is nan, allowed is a number"):
        chip.with_values(technology={"axon_j": float("nan")})


def test_function_names_are_those_of_the_network() -> None:
    assert tuple(ops.FUNCTIONS) == FUNCTIONS


def test_widths_keep_results_exact_in_float64() -> None:
    widest = [
        max(m.le for m in field.metadata if hasattr(m, "le"))
        for field in (
            type(load_chip("tianji").core).model_fields["accumulator_bits"],
            type(load_chip("tianji").neuron).model_fields["multiplier_bits"],
        )
    ]
    assert sum(widest) <= 52


NUMBER = 'unit = "count", kind = "assumed", source = "a test" }'

MODELS = ", ".join(sorted(models()))

MISTAKES = [
    ("axons", "axons = 256", "core.axons is 256, a number is a table"),
    ("axons", f"axons = {{ {NUMBER}", "core.axons.value is missing"),
    ("axons", f"axons = {{ value = 0, {NUMBER}", "core.axons is 0, allowed is an integer, 1 to 1048576"),
    ("axons", f"axons = {{ value = 2.5, {NUMBER}", "core.axons is 2.5, allowed is an integer, 1 to 1048576"),
    ("axons", f"axons = {{ value = true, {NUMBER}", "core.axons is True, allowed is an integer"),
    ("axons", f"axons = {{ value = 0x{'f' * 9999}, {NUMBER}", "core.axons is an integer of more than 63 bits"),
    ("axons", 'axons = { value = 4, unit = "bit", kind = "tool", source = "x" }', "core.axons.unit is 'bit', allowed"),
    ("axons", 'axons = { value = 4, unit = "count", kind = "guess", source = "x" }', "core.axons.kind is 'guess'"),
    ("axons", 'axons = { value = 4, unit = "count", kind = "tool" }', "core.axons.source is missing"),
    ("axons", f"axons = {{ value = 4, low = 5, {NUMBER}", "core.axons: the band 5.0 … 4.0 does not hold the value 4"),
    ("axons", "", "core.axons is missing"),
    ("axons", f"axonz = {{ value = 4, {NUMBER}", "core.axonz is not a key of a chip (did you mean core.axons"),
    ("crossbar", 'crossbar = "DRAM"', "core.crossbar is 'DRAM', allowed is a text, SRAM, ReRAM"),
    ("crossbar", "crossbar = 3", "core.crossbar is 3, allowed is a text, SRAM, ReRAM"),
    ("skip_zero", 'skip_zero = "yes"', "signal.skip_zero is 'yes', allowed is true or false"),
    ("models", "models = []", f"neuron.models is empty, at least one of {MODELS} is needed"),
    ("models", 'models = ["no_such"]', f"neuron.models names 'no_such', there are {MODELS}"),
    ("models", 'models = ["if_hard"]', "neuron.models has no model of ann mode"),
    ("models", 'models = ["if_hard", "requantize", "if_hard"]', "neuron.models names 'if_hard' twice"),
    ("models", 'models = "requantize"', "neuron.models is 'requantize', allowed is a list of texts"),
    ("functions", 'functions = ["sine"]', "neuron.functions names 'sine', there are identity, relu"),
    ("dead_cores", "dead_cores = [24576]", "board.dead_cores names core 24576, the board has cores 0 to 24575"),
    ("dead_cores", "dead_cores = [1.5]", "board.dead_cores is [1.5], allowed is a list of integers"),
    ("link_j", 'link_j = { value = -1, unit = "J", kind = "tool", source = "x" }', "technology.link_j is -1"),
    ("link_j", 'link_j = { value = nan, unit = "J", kind = "tool", source = "x" }', "technology.link_j is nan"),
    ("link_j", 'link_j = { value = 1e4, unit = "J", kind = "tool", source = "x" }', "technology.link_j is 10000.0"),
    ("snn_s", 'snn_s = { value = -1, unit = "s", kind = "tool", source = "x" }', "tick.snn_s is -1"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "line", "message"), MISTAKES)
def test_each_mistake_is_told(write: WriteChip, key: str, line: str, message: str) -> None:
    path = write(changed(chip_to_toml(load_chip("tianji")), key, line))
    with pytest.raises(SpecError) as told:
        load_chip(path)
    assert message in str(told.value)
    assert str(path) in told.value.where
    assert "; correct" in str(told.value)


def test_all_problems_come_in_one_message(write: WriteChip) -> None:
    text = chip_to_toml(load_chip("tianji"))
    for key, line, _ in (MISTAKES[0], MISTAKES[12], MISTAKES[14]):
        text = changed(text, key, line)
    with pytest.raises(SpecError) as told:
        load_chip(write(text), {"core.weightbits": "3", "core.weight_bits": "99"})
    assert told.value.what.startswith("5 problems: ")
    for part in ("core.axons", "core.crossbar", "signal.skip_zero", "core.weightbits", "core.weight_bits is 99"):
        assert part in told.value.what


GRAPH = {"board.topology": "graph", "board.chips": "1", "board.rows": "1", "board.columns": "5"}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"core.weightbits": "3"}, r"core.weightbits is not a key of a chip \(did you mean core.weight_bits"),
        ({"weight_bits": "3"}, r"did you mean core.weight_bits"),
        ({"core.weight_bits": "16"}, "core.weight_bits is 16, allowed is an integer, 1 to 15"),
        ({"core.weight_bits": "3.5"}, "core.weight_bits is set to '3.5', allowed is an integer, 1 to 15"),
        ({"technology.axon_j": "inf"}, "technology.axon_j is inf, allowed is a number"),
        ({"signal.skip_zero": "maybe"}, "signal.skip_zero is set to 'maybe', allowed is true or false"),
        ({"core.sign_scheme": "one"}, "core.sign_scheme is 'one', allowed is a text, twos_complement, pair"),
        (
            {"signal.output_bits": "1", "signal.partial_sums": "signed"},
            "signal.output_bits is 1, signed partial sums need",
        ),
        ({"core.axons": "1", "core.bias": "row"}, "core.axons is 1, a bias row needs 2 and above"),
        ({"board.rows": "1", "board.columns": "1", "board.chips": "1", "board.dead_cores": "0"}, "names all 1 cores"),
        ({"tick.ann_s": "1e308"}, r"tick.ann_s is 1e\+308, allowed are 0 and 1e-12 to 1000"),
        ({"tick.snn_s": "1e-310"}, "tick.snn_s is 1e-310, allowed are 0 and 1e-12 to 1000"),
        ({"board.rows": "257", "board.columns": "256"}, "257 x 256 = 65792 cores a chip, allowed are 65536"),
        (
            {"board.rows": "256", "board.columns": "256", "board.chips": "32769"},
            "columns x chips is 2147549184 cores, allowed are 2147483648",
        ),
        ({"board.topology": "torus", "board.chips": "5"}, "board.chips is 5, in a torus rows of 3 chips must be full"),
        ({"board.topology": "ring", "noc.virtual_channels": "3"}, "noc.virtual_channels is 3, .* multiples of 2"),
        ({"board.cores_per_router": "2"}, "board.columns is 3, board.cores_per_router 2 does not divide it"),
        ({"board.links": "0-1"}, "board.links names 1 links, board.topology is 'mesh'; only a graph has them"),
        ({**GRAPH, "board.links": "0-1,1-2,3-4"}, "there is no way from core 0 to core 3; add links that join them"),
        ({**GRAPH, "board.links": "0-1,1:2"}, "'1:2' is no link; write router-router, such as 0-1, or 0-1@3"),
        ({**GRAPH, "board.links": "0-1@0"}, "'0-1@0' is no link"),
        ({**GRAPH, "board.links": "0-1,1-0@2"}, "link '1-0@2' stands twice; leave it out, a link goes both ways"),
        ({**GRAPH, "board.links": "0-0"}, "link '0-0' joins a router with itself"),
        ({**GRAPH, "board.links": "0-4096"}, "link '0-4096' has a number above 4095"),
        ({**GRAPH, "board.chips": "4096"}, "a graph of 20480 routers is given; take up to 4096, or another topology"),
        (
            {"board.topology": "fat_tree", "board.chips": "32768", "board.rows": "256", "board.columns": "256"},
            "fat_tree of 2147483648 cores has .* routers, allowed are 2147483648",
        ),
    ],
)
def test_each_wrong_override_is_told(overrides: dict[str, str], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        load_chip("tianji", overrides)


def test_ticks_and_boards_at_the_ends_of_what_is_allowed_load() -> None:
    largest = {"board.rows": "256", "board.columns": "256", "board.chips": "32768"}
    chip = load_chip("tianji", {"tick.ann_s": "1e-12", "tick.snn_s": "1000", **largest})
    assert (chip.tick.ann_s, chip.tick.snn_s, chip.board.chips) == (1e-12, 1000, 32768)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tianjy", "chip 'tianjy': there is no chip of this name and no such file .did you mean tianji"),
        ("a\0b", "there is no chip of this name"),
        ("x" * 9999, "there is no chip of this name"),
    ],
)
def test_a_missing_chip_is_told(name: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        load_chip(name)


@pytest.mark.parametrize("text", ["", "core = 3", "[" * 9999, "x = " + "[" * 99999, "axons 3", "name = " + "9" * 5000])
def test_what_is_no_chip_is_refused(write: WriteChip, text: str) -> None:
    with pytest.raises(SpecError):
        load_chip(write(text))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_a_chip_or_a_message(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(preset_names()))
    content = np.frombuffer(chip_to_toml(load_chip(name)).encode(), dtype=np.uint8).copy()
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    end = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    path = tmp_path_factory.getbasetemp() / "damaged.toml"
    path.write_bytes(content[:end].tobytes())
    with contextlib.suppress(NeutramsError):  # any other exception fails the test
        load_chip(path)


def test_control_characters_survive_the_text(write: WriteChip) -> None:
    chip = Chip.model_validate({**load_chip("prime").model_dump(), "description": 'a\x7f\x00\r\n\t"\\ ü 😀'})
    assert load_chip(write(chip_to_toml(chip))) == chip
