"""A traced PyTorch module gives what the module gives; what cannot be imported is refused with everything listed."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from neutrams.base.errors import InputError, UnsupportedError
from neutrams.importers.torch import from_torch
from neutrams.network import Activation, Network
from neutrams.reference import run

Forward = Callable[[torch.Tensor], torch.Tensor]


class Of(nn.Module):
    """A module whose forward is any function of a linear layer's output, ``fc``, and of ``g``, a parameter."""

    def __init__(self, function: Callable[["Of", torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 4)
        self.bn = nn.BatchNorm1d(4)
        self.g = nn.Parameter(torch.randn(4))
        self.function = function
        with torch.no_grad():
            self.bn.running_mean.normal_()
            self.bn.running_var.uniform_(0.5, 2)
            self.bn.weight.normal_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(self, self.fc(x))


def check(module: nn.Module, shape: tuple[int, ...] = (6,), batch: int = 2) -> Network:
    """The imported module gives what the module gives in evaluation mode, for another batch size; return it."""
    network = from_torch(module, torch.randn(batch, *shape))
    x = torch.randn(5, *shape)
    with torch.no_grad():
        wanted = module.eval()(x).numpy()
    found = run(network, {network.inputs[0].name: x.numpy()})["output"]
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    return network


FUNCTIONS: dict[str, Callable[[Of, torch.Tensor], torch.Tensor]] = {
    "relu": lambda m, x: functional.relu(x),
    "relu in place": lambda m, x: functional.relu_(x) + x,
    "leaky": lambda m, x: functional.leaky_relu(x, 0.3),
    "relu6": lambda m, x: functional.relu6(4 * x),
    "hardtanh": lambda m, x: functional.hardtanh(x, -0.5, 0.25),
    "clamp": lambda m, x: torch.clamp(x, -0.5, 0.25),
    "clamp one side": lambda m, x: x.clamp(max=0.3).clamp(min=-0.1),
    "clip numpy style": lambda m, x: x.clip(min=0),
    "sigmoid": lambda m, x: torch.sigmoid(x),
    "tanh": lambda m, x: x.tanh(),
    "residual": lambda m, x: functional.relu(x) + x,
    "difference": lambda m, x: torch.sub(functional.relu(x), x, alpha=2),
    "from a constant": lambda m, x: 1 - x,
    "scale and shift": lambda m, x: 0.5 * x * m.g + m.g / 2 - 1,
    "computed constant": lambda m, x: x + torch.arange(4) * torch.exp(m.g),
    "division": lambda m, x: -x / (m.g.abs() + 1),
    "product": lambda m, x: x * torch.tanh(x),
    "batch norm": lambda m, x: m.bn(x),
    "functional batch norm": lambda m, x: functional.batch_norm(x, m.bn.running_mean, m.bn.running_var),
    "functional linear": lambda m, x: functional.linear(x, m.fc.weight.t()[:, :4].contiguous()[:, :4], None),
    "matmul": lambda m, x: x @ m.fc.weight,
    "addmm": lambda m, x: torch.addmm(m.fc.weight[0], x, m.fc.weight, beta=0.5),
    "view": lambda m, x: x.view(x.size(0), 2, 2).flatten(1),
    "reshape": lambda m, x: x.reshape(-1, 2, 2).unsqueeze(1).squeeze(1),
    "cat and slice": lambda m, x: torch.cat([x, functional.relu(x)], dim=1)[:, 1:7:2],
    "dropout": lambda m, x: functional.dropout(x, 0.5, m.training),
    "softmax": lambda m, x: functional.softmax(x, dim=1),
    "argmax": lambda m, x: x.argmax(-1),
    "argmax keepdim": lambda m, x: x.argmax(1, keepdim=True).float(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_form_gives_what_the_module_gives(name: str) -> None:
    torch.manual_seed(0)
    check(Of(FUNCTIONS[name]))


def test_a_sequence_of_modules_keeps_their_names() -> None:
    layers = [nn.Flatten(), nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Dropout(),
              nn.Identity(), nn.Linear(8, 4, bias=False), nn.LeakyReLU(0.2), nn.Hardtanh(), nn.ReLU6(),
              nn.Softmax(dim=-1)]  # fmt: skip
    network = check(nn.Sequential(*layers), (2, 3), batch=1)
    assert [node.name for node in network.nodes] == ["input", "0", "1", "2", "3", "6", "7", "8", "9", "10", "output"]


def test_a_module_used_twice_gives_nodes_of_two_names() -> None:
    relu = nn.ReLU()
    network = check(nn.Sequential(nn.Linear(6, 6), relu, nn.Linear(6, 6), relu))
    assert sum(isinstance(node, Activation) for node in network.nodes) == 2


def test_the_module_is_left_as_it_was() -> None:
    module = nn.Sequential(nn.Linear(6, 4), nn.Dropout())
    module[1].eval()
    from_torch(module, torch.randn(1, 6))
    assert module.training
    assert module[0].training
    assert not module[1].training


def test_all_unsupported_operators_are_listed() -> None:
    module = Of(lambda m, x: torch.sin(torch.cos(torch.sin(x))))
    with pytest.raises(UnsupportedError, match=r"cos \(at 'cos'\); sin \(at 'sin', 'sin_1'\); rebuild these parts"):
        from_torch(module, torch.randn(2, 6))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda m, x: x @ x.t(), "batch axis first"),
        (lambda m, x: x.softmax(0), "softmax works along axis 0, the batch axis"),
        (lambda m, x: x.reshape(-1), "batch axis first"),
        (lambda m, x: x.unsqueeze(0), "batch axis first"),
        (lambda m, x: x.int(), "changes values"),
        (lambda m, x: x + torch.rand(4), r"rand \(at"),
        (lambda m, x: x if x.sum() > 0 else -x, "cannot trace this module"),
        (lambda m, x: x[:, :3] @ x, "cannot trace this module"),
    ],
)
def test_what_cannot_be_imported_is_refused_with_a_reason(
    function: Callable[[Of, torch.Tensor], torch.Tensor], message: str
) -> None:
    with pytest.raises(UnsupportedError, match=message):
        from_torch(Of(function), torch.randn(2, 6))


def test_weights_that_are_not_finite_are_refused() -> None:
    module = nn.Sequential(nn.Linear(6, 4))
    with torch.no_grad():
        module[0].weight[0, 0] = float("nan")
    with pytest.raises(InputError, match=r"weight of node '0'.*1 of 24 values are NaN"):
        from_torch(module, torch.randn(2, 6))


def test_an_example_without_a_batch_axis_is_refused() -> None:
    with pytest.raises(InputError, match="no batch axis"):
        from_torch(nn.ReLU(), torch.tensor(1.0))
