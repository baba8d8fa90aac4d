"""Small convolutional networks of the shapes of well-known families, with random weights, as ONNX models."""

import io
import warnings
from collections.abc import Callable

import onnx
import torch
from torch import nn
from torch.nn import functional as f

OPSET = 17


def families() -> dict[str, Callable[[], onnx.ModelProto]]:
    """Return, by family, what makes its model: ``image [N, 3, h, w]`` to ``y``, the same weights every time."""
    makers: dict[str, tuple[Callable[[], nn.Module], tuple[int, int]]] = {
        "vgg": (vgg, (16, 16)),
        "resnet": (resnet, (16, 16)),
        "mobilenet_v2": (mobilenet_v2, (16, 16)),
        "mobilenet_v3": (mobilenet_v3, (16, 16)),
        "squeezenet": (squeezenet, (17, 17)),
        "densenet": (densenet, (16, 16)),
        "unet": (unet, (16, 16)),
        "unet_upsample": (lambda: unet(upsample=True), (16, 16)),
    }
    return {name: lambda make=make, size=size: exported(make, size) for name, (make, size) in makers.items()}


def exported(make: Callable[[], nn.Module], size: tuple[int, int]) -> onnx.ModelProto:
    """Return the model of a module in evaluation mode, its statistics set to random ones."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        module = make().eval()
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.normal_(part.running_mean, std=0.2)
                nn.init.uniform_(part.running_var, 0.5, 1.5)
                nn.init.uniform_(part.weight, 0.5, 1.5)
                nn.init.normal_(part.bias, std=0.2)
        example = torch.randn(1, 3, *size)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        torch.onnx.export(
            module,
            (example,),
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=["image"],
            output_names=["y"],
            dynamic_axes={"image": {0: "N"}, "y": {0: "N"}},
            do_constant_folding=False,  # batch normalisations stay apart
            training=torch.onnx.TrainingMode.PRESERVE,
        )
    return onnx.load_model_from_string(file.getvalue())


def conv_block(
    inner: int, outer: int, kernel: int = 3, stride: int = 1, groups: int = 1, act: type[nn.Module] = nn.ReLU
) -> nn.Sequential:
    """Convolution without bias, batch normalisation, activation."""
    convolution = nn.Conv2d(inner, outer, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outer), act())


def vgg() -> nn.Module:
    """Simonyan & Zisserman (2014), arXiv:1409.1556."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(48, 16), nn.ReLU(), nn.Dropout(), nn.Linear(16, 10),
    )  # fmt: skip


class Residual(nn.Module):
    """Two convolutions beside a short way. He et al. (2015), arXiv:1512.03385."""

    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.long = nn.Sequential(conv_block(inner, outer, 3, stride), conv_block(outer, outer, act=nn.Identity))
        same = inner == outer and stride == 1
        self.short = nn.Identity() if same else conv_block(inner, outer, 1, stride, act=nn.Identity)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add both ways."""
        return f.relu(self.long(x) + self.short(x))


def resnet() -> nn.Module:
    """He et al. (2015), arXiv:1512.03385."""
    stem = nn.Sequential(conv_block(3, 8, 5, 2), nn.MaxPool2d(3, 2, 1))
    body = nn.Sequential(Residual(8, 8, 1), Residual(8, 12, 2))
    return nn.Sequential(stem, body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 10))


class Excite(nn.Module):
    """A gate for each channel. Hu et al. (2017), arXiv:1709.01507."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Conv2d(channels, inner, 1), nn.Conv2d(inner, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Weigh the channels of ``x``."""
        mean = f.adaptive_avg_pool2d(x, 1)
        return x * f.hardsigmoid(self.excite(f.relu(self.squeeze(mean))))


class Inverted(nn.Module):
    """Wider, depthwise, narrower. Sandler et al. (2018), arXiv:1801.04381."""

    def __init__(self, inner: int, outer: int, stride: int, act: type[nn.Module], excite: bool) -> None:
        super().__init__()
        wide = 3 * inner
        gate = Excite(wide, 4) if excite else nn.Identity()
        self.body = nn.Sequential(
            conv_block(inner, wide, 1, act=act), conv_block(wide, wide, 3, stride, wide, act), gate,
            conv_block(wide, outer, 1, act=nn.Identity),
        )  # fmt: skip
        self.short = inner == outer and stride == 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the short way where shapes allow."""
        return x + self.body(x) if self.short else self.body(x)


def mobilenet_v2() -> nn.Module:
    """Sandler et al. (2018), arXiv:1801.04381."""
    blocks = [Inverted(6, 6, 1, nn.ReLU6, False), Inverted(6, 8, 2, nn.ReLU6, False)]
    tail = [conv_block(8, 16, 1, act=nn.ReLU6), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)]
    return nn.Sequential(conv_block(3, 6, 3, 2, act=nn.ReLU6), *blocks, *tail)


def mobilenet_v3() -> nn.Module:
    """Howard et al. (2019), arXiv:1905.02244."""
    blocks = [Inverted(6, 6, 1, nn.ReLU, True), Inverted(6, 8, 2, nn.Hardswish, True)]
    tail = [conv_block(8, 16, 1, act=nn.Hardswish), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    head = [nn.Linear(16, 12), nn.Hardswish(), nn.Linear(12, 10)]
    return nn.Sequential(conv_block(3, 6, 3, 2, act=nn.Hardswish), *blocks, *tail, *head)


class Fire(nn.Module):
    """Squeeze, then 1 x 1 and 3 x 3 side by side. Iandola et al. (2016), arXiv:1602.07360."""

    def __init__(self, inner: int, squeezed: int, half: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inner, squeezed, 1)
        self.one, self.three = nn.Conv2d(squeezed, half, 1), nn.Conv2d(squeezed, half, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Join both expansions."""
        x = f.relu(self.squeeze(x))
        return torch.cat([f.relu(self.one(x)), f.relu(self.three(x))], 1)


def squeezenet() -> nn.Module:
    """Iandola et al. (2016), arXiv:1602.07360."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), Fire(8, 4, 6), Fire(12, 4, 6),
        nn.Dropout(), nn.Conv2d(12, 10, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip


class Dense(nn.Module):
    """Batch normalisation, ReLU, convolution; the result joins its input. Huang et al. (2016), arXiv:1608.06993."""

    def __init__(self, inner: int, growth: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.BatchNorm2d(inner), nn.ReLU(), nn.Conv2d(inner, growth, 3, padding=1, bias=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Join."""
        return torch.cat([x, self.body(x)], 1)


def densenet() -> nn.Module:
    """Huang et al. (2016), arXiv:1608.06993."""
    transition = [nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 8, 1, bias=False), nn.AvgPool2d(2)]
    tail = [nn.BatchNorm2d(12), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 10)]
    return nn.Sequential(conv_block(3, 8, 3, 2), Dense(8, 4), Dense(12, 4), *transition, Dense(8, 4), *tail)


class UNet(nn.Module):
    """Down and up again, with the fine levels joined. Ronneberger et al. (2015), arXiv:1505.04597."""

    def __init__(self, upsample: bool) -> None:
        super().__init__()
        self.fine, self.coarse = conv_block(3, 6), conv_block(6, 8)
        self.up = nn.Upsample(scale_factor=2) if upsample else nn.ConvTranspose2d(8, 8, 2, 2)
        self.last = nn.Sequential(conv_block(14, 6), nn.Conv2d(6, 2, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give two values a pixel."""
        fine = self.fine(x)
        coarse = self.coarse(f.max_pool2d(fine, 2))
        return self.last(torch.cat([fine, self.up(coarse)], 1))


def unet(upsample: bool = False) -> nn.Module:
    """Ronneberger et al. (2015), arXiv:1505.04597."""
    return UNet(upsample)
