"""The page of neuron models holds what the folder has."""

from pathlib import Path

from neutrams.hardware.chip import NeuronSpec
from neutrams.neurons import models
from neutrams.neurons.page import page

PAGE = Path(__file__).parents[2] / "docs/reference/neurons.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python -m neutrams.neurons.page > docs/reference/neurons.md"


def test_every_model_has_a_section_an_equation_and_a_source_to_look_up() -> None:
    text = page()
    for name, model in models().items():
        assert text.count(f"## `{name}`\n\n    {model.equation}\n") == 1
        assert "doi" in model.source or "arXiv" in model.source or "IEDM" in model.source


def test_every_width_is_a_chip_key() -> None:
    for model in models().values():
        for part in (*model.states, *model.parameters):
            assert part.width in (*NeuronSpec.model_fields, "output_bits"), f"{model.name}: {part.width}"
