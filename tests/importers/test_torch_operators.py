"""Every ATen operator that can be imported gives what PyTorch gives, on images and on sequences."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as f

from neutrams.base.errors import UnsupportedError
from neutrams.importers.torch import HANDLERS, from_torch
from neutrams.reference import run

IMAGE = (4, 8, 6)
Function = Callable[[torch.Tensor], torch.Tensor]


class Of(nn.Module):
    """Any function, with a part that has parameters."""

    def __init__(self, function: Function, part: nn.Module | None = None) -> None:
        super().__init__()
        self.part = part or nn.Identity()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(self.part(x))


def check(module: nn.Module, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    network = from_torch(module.eval(), torch.randn(2, *shape))
    x = torch.randn(3, *shape)
    with torch.no_grad():
        wanted = module(x).numpy()
    found = run(network, {network.inputs[0].name: x.numpy()})["output"]
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "conv2d": (lambda: nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 2), (1, 2), groups=2), IMAGE),
    "conv2d same": (lambda: nn.Conv2d(4, 4, (4, 3), padding="same"), IMAGE),
    "conv2d valid": (lambda: nn.Conv2d(4, 4, 3, padding="valid", bias=False), IMAGE),
    "conv1d": (lambda: nn.Conv1d(4, 6, 3, 2, 1), (4, 9)),
    "conv3d": (lambda: nn.Conv3d(2, 3, 2), (2, 3, 4, 5)),
    "transposed": (lambda: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, groups=2), IMAGE),
    "transposed dilated": (lambda: nn.ConvTranspose2d(4, 3, (3, 2), 2, 1, dilation=2), IMAGE),
    "transposed 1d": (lambda: nn.ConvTranspose1d(4, 3, 2, 3), (4, 5)),
    "max pool": (lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True), IMAGE),
    "max pool dilated": (lambda: nn.MaxPool2d(2, 1, dilation=2), IMAGE),
    "max pool 1d": (lambda: nn.MaxPool1d(2), (4, 9)),
    "average pool": (lambda: nn.AvgPool2d(3, 2, 1), IMAGE),
    "average pool ceil": (lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True), IMAGE),
    "average pool inside": (lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False), IMAGE),
    "average pool 1d": (lambda: nn.AvgPool1d(2), (4, 8)),
    "adaptive pool": (lambda: nn.AdaptiveAvgPool2d((4, 2)), IMAGE),
    "adaptive max pool": (lambda: nn.AdaptiveMaxPool2d(1), IMAGE),
    "batch norm": (lambda: nn.BatchNorm2d(4), IMAGE),
    "batch norm 1d": (lambda: nn.BatchNorm1d(4), (4, 5)),
    "group norm": (lambda: nn.GroupNorm(2, 4), IMAGE),
    "instance norm": (lambda: nn.InstanceNorm2d(4, affine=True), IMAGE),
    "layer norm": (lambda: nn.LayerNorm((8, 6)), IMAGE),
    "layer norm plain": (lambda: nn.LayerNorm(6, elementwise_affine=False), IMAGE),
    "rms norm": (lambda: nn.RMSNorm(6), IMAGE),
    "prelu": (lambda: nn.PReLU(4), IMAGE),
    "prelu one": (nn.PReLU, IMAGE),
    "flatten some": (lambda: nn.Flatten(2), IMAGE),
    "embedding": (lambda: Of(lambda x: x, nn.Embedding(7, 3)), (5,)),
    "rnn": (lambda: Of(lambda x: x[0], nn.RNN(6, 3, batch_first=True)), (4, 6)),
    "rnn relu": (lambda: Of(lambda x: x[0], nn.RNN(6, 3, nonlinearity="relu", bias=False, batch_first=True)), (4, 6)),
    "gru": (lambda: Of(lambda x: x[1][-1], nn.GRU(6, 3, 2, batch_first=True)), (4, 6)),
    "lstm": (lambda: Of(lambda x: x[0] + x[1][1][0].unsqueeze(1), nn.LSTM(6, 3, batch_first=True)), (4, 6)),
    "lstm both ways": (lambda: Of(lambda x: x[0], nn.LSTM(6, 3, 2, bidirectional=True, batch_first=True)), (4, 6)),
    "lstm step": (lambda: Of(lambda x: x[1][0][1], nn.LSTM(6, 3, 2, batch_first=True)), (1, 6)),
    **{
        repr(part): (lambda part=part: part, (4, 6))  # type: ignore[misc]
        for part in (
            nn.Hardswish(), nn.Hardsigmoid(), nn.SiLU(), nn.GELU(), nn.GELU("tanh"), nn.ELU(0.7), nn.SELU(),
            nn.CELU(0.5), nn.Softplus(), nn.Softplus(2.0), nn.LogSigmoid(), nn.Softsign(), nn.Mish(), nn.Softmax(1),
            nn.LogSoftmax(2), nn.ReLU6(), nn.LeakyReLU(0.2), nn.Tanh(), nn.Sigmoid(),
        )
    },
}  # fmt: skip

FUNCTIONS: dict[str, Function] = {
    "nearest": lambda x: f.interpolate(x, scale_factor=2),
    "nearest size": lambda x: f.interpolate(x, size=(5, 9)),
    "bilinear": lambda x: f.interpolate(x, scale_factor=2, mode="bilinear"),
    "bilinear corners": lambda x: f.interpolate(x, size=(5, 9), mode="bilinear", align_corners=True),
    "bicubic": lambda x: f.interpolate(x, size=(11, 4), mode="bicubic"),
    "pad": lambda x: f.pad(x, (1, 0, 2, 1), value=0.5),
    "pad negative": lambda x: f.pad(x, (-1, 2)),
    "reflect": lambda x: f.pad(x, (1, 2, 2, 1), mode="reflect"),
    "replicate": lambda x: f.pad(x, (1, 2, 2, 1), mode="replicate"),
    "circular": lambda x: f.pad(x, (1, 2, 2, 1), mode="circular"),
    "shuffle": lambda x: f.pixel_shuffle(x, 2),
    "unshuffle": lambda x: f.pixel_unshuffle(x, 2),
    "chunk": lambda x: x.chunk(2, 1)[1],
    "split": lambda x: torch.cat(x.split([1, 3], 1)[::-1], 1),
    "unbind": lambda x: torch.stack(x.unbind(1)[:3], 2),
    "select": lambda x: x.select(2, -1),
    "slices": lambda x: x[:, 1:3, ::2, -2:],
    "index": lambda x: x[:, [2, 0, 2]],
    "index_select": lambda x: x.index_select(3, torch.tensor([1, 0])),
    "permute": lambda x: x.permute(0, 2, 3, 1).transpose(1, 3),
    "flip and roll": lambda x: x.flip(2, 3).roll(1, 2),
    "expand": lambda x: x.mean(1, keepdim=True).expand(-1, 3, -1, -1),
    "repeat": lambda x: x.repeat(1, 2, 1, 3),
    "unflatten": lambda x: x.unflatten(1, (2, 2)),
    "mean": lambda x: x.mean((2, 3)),
    "sum": lambda x: x.sum(1),
    "amax": lambda x: x.amax((1, 3), keepdim=True),
    "amin": lambda x: x.amin(2),
    "largest": lambda x: x.max(1)[0],
    "norm": lambda x: f.normalize(x, dim=1),
    "cumsum": lambda x: x.cumsum(2),
    "argmin": lambda x: x.argmin(1),
    "argmax of an axis": lambda x: x.argmax(2, keepdim=True),
    "squeeze and excite": lambda x: x * torch.sigmoid(f.adaptive_avg_pool2d(x, 1)),
    "broadcast sum": lambda x: x + x.mean((2, 3), keepdim=True) - x.amax(1, keepdim=True),
    "extremes": lambda x: torch.maximum(x, -x) + torch.minimum(x, x.mean(1, keepdim=True)),
    "powers": lambda x: x.pow(2) + x.square() + torch.rsqrt(x.abs() + 1) + (x.abs() + 1).sqrt() ** 3,
    "logarithms": lambda x: x.exp() + (x.abs() + 1).log() + torch.erf(x),
    "quotients": lambda x: x / (x.abs() + 1) + 2 / (x.abs() + 1),
    "where": lambda x: torch.where(torch.arange(6) > 2, x, 0.5),
    "attention": lambda x: f.scaled_dot_product_attention(x, x.flip(2), x),
    "matmul": lambda x: x @ x.transpose(2, 3),
    "bmm": lambda x: torch.bmm(x.flatten(2), x.flatten(2).transpose(1, 2)),
    "circle": lambda x: f.hardtanh(x).clamp(min=-0.5),
}


@pytest.mark.parametrize("name", MODULES)
def test_every_module_gives_what_pytorch_gives(name: str) -> None:
    make, shape = MODULES[name]
    if name == "embedding":
        module = make()
        tokens = torch.randint(0, 7, (2, *shape))
        found = run(from_torch(module, tokens), {"x": tokens.numpy()})["output"]
        np.testing.assert_allclose(found, module(tokens).detach().numpy(), atol=1e-6)
    else:
        check(make(), shape)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_gives_what_pytorch_gives(name: str) -> None:
    check(Of(FUNCTIONS[name]), IMAGE)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x.permute(1, 0, 2, 3), "batch axis first"),
        (lambda x: x.mean(), "all axes"),
        (lambda x: x.sum(0), "batch axis"),
        (lambda x: f.adaptive_avg_pool2d(x, 5), "does not divide"),
        (lambda x: x.max(1)[1], "its result 1"),
        (lambda x: x[:, x[0, 0, 0, :2].argsort()], "sort"),
    ],
)
def test_what_mixes_samples_or_has_no_form_here_is_refused(function: Function, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        from_torch(Of(function), torch.randn(2, *IMAGE))


def test_there_are_handlers() -> None:
    assert {"conv2d", "upsample_bilinear2d", "embedding"} <= HANDLERS.keys()
