"""Final states of PyTorch's recurrent modules, the batch their second axis, keep their samples apart or are refused."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from neutrams.base.errors import UnsupportedError
from neutrams.importers.torch import from_torch
from neutrams.reference import run

Function = Callable[[nn.LSTM, torch.Tensor], torch.Tensor]
STEPS, WIDTH, HIDDEN = 5, 3, 4


class Of(nn.Module):
    """A function of an LSTM and its input."""

    def __init__(self, function: Function, layers: int, both: bool) -> None:
        super().__init__()
        self.part = nn.LSTM(WIDTH, HIDDEN, layers, batch_first=True, bidirectional=both)
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(self.part, x)


def check(function: Function, layers: int, both: bool, example: int) -> None:
    """The network gives what the module gives, on 3 samples."""
    torch.manual_seed(0)
    module = Of(function, layers, both).eval()
    network = from_torch(module, torch.randn(example, STEPS, WIDTH))
    x = torch.randn(3, STEPS, WIDTH)
    with torch.no_grad():
        wanted = module(x).numpy()
    found = run(network, {network.inputs[0].name: x.numpy()})["output"]
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def joined(lstm: nn.LSTM, x: torch.Tensor, axis: int) -> torch.Tensor:
    """Both final states joined, the batch the second axis."""
    return torch.cat(lstm(x)[1], axis)


APART: dict[str, Function] = {
    "both states of a layer": lambda lstm, x: joined(lstm, x, -1)[-1],
    "layers one after the other": lambda lstm, x: joined(lstm, x, 0)[-2],
    "joined, then the batch in front": lambda lstm, x: joined(lstm, x, 2).transpose(0, 1).flatten(1),
    "axes in another order": lambda lstm, x: lstm(x)[1][0].permute(1, 2, 0).reshape(x.shape[0], -1),
    "states stacked in front": lambda lstm, x: torch.stack(lstm(x)[1], 0)[1][0],
    "states stacked behind the layers": lambda lstm, x: torch.stack(lstm(x)[1], 1)[-1, 0],
    "states stacked behind the batch": lambda lstm, x: torch.stack(lstm(x)[1], 2)[0].flatten(1),
    "states stacked last": lambda lstm, x: torch.stack(lstm(x)[1], -1).select(3, 1)[-1],
    "every layer by name": lambda lstm, x: torch.cat(lstm(x)[1][0].unbind(0), 1),
    "an element of all layers": lambda lstm, x: lstm(x)[1][0].select(2, 1).transpose(0, 1),
    "a constant sequence": lambda lstm, x: lstm(torch.linspace(0, 1, 15).view(1, STEPS, WIDTH))[0] + x.sum(2, True),
}


@pytest.mark.parametrize("name", APART)
@pytest.mark.parametrize(("layers", "both", "example"), [(2, False, 1), (2, False, 2), (2, True, 3)])
def test_moves_of_final_states_keep_samples_apart(name: str, layers: int, both: bool, example: int) -> None:
    check(APART[name], layers, both, example)


@pytest.mark.parametrize("axis", [0, -3, (0, -1)])
def test_the_axis_of_a_single_layer_goes(axis: int | tuple[int, ...]) -> None:
    check(lambda lstm, x: lstm(x)[1][0].squeeze(axis), 1, both=False, example=1)


MIXED: dict[str, tuple[Function, str]] = {
    "rows of the batch": (lambda lstm, x: joined(lstm, x, 1)[0], "cat works along axis 1, the batch axis"),
    "one sample": (lambda lstm, x: lstm(x)[1][0][:, 0], "select works along axis 1, the batch axis"),
    "states beside outputs": (
        lambda lstm, x: torch.cat([lstm(x)[1][0], lstm(x)[0][:, :2]], 2), "joins tensors whose batch axes differ",
    ),
    "layers flattened": (lambda lstm, x: joined(lstm, x, 2).reshape(x.shape[0], -1), "reads final states"),
    "axes of length one": (lambda lstm, x: lstm(x)[1][0].squeeze(), "squeeze works along all axes"),
    "the batch itself": (lambda lstm, x: lstm(x)[1][0].squeeze(1), "squeeze works along axis 1, the batch axis"),
    "a mean": (lambda lstm, x: joined(lstm, x, -1).mean(1), "reads final states"),
    "a function": (lambda lstm, x: joined(lstm, x, -1).softmax(1), "reads final states"),
}  # fmt: skip


@pytest.mark.parametrize("name", MIXED)
def test_what_mixes_samples_or_reads_all_states_is_refused(name: str) -> None:
    function, message = MIXED[name]
    with pytest.raises(UnsupportedError, match=message):
        from_torch(Of(function, 2, both=False).eval(), torch.randn(2, STEPS, WIDTH))
