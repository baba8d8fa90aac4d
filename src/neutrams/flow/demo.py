"""The demo: train an MLP on bundled digits, put it on TIANJI (ann, snn) and PRIME, and simulate held-out digits."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neutrams.flow.compile import Compiled, compile_model
from neutrams.flow.datasets import Images, digits
from neutrams.flow.execute import Evaluated, run_compiled
from neutrams.hardware import load_chip
from neutrams.network import Network, ops
from neutrams.transform.options import TransformOptions

HIDDEN = (500, 500)
EPOCHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One row of the demo's table.

    Attributes:
        title: For people.
        chip: Preset name.
        overrides: Chip keys that differ from the preset.
        mode: ``ann`` or ``snn``.
        steps: T.
    """

    title: str
    chip: str
    overrides: tuple[tuple[str, str], ...]
    mode: str
    steps: int


TARGETS = (
    Target(title="TIANJI, ANN mode", chip="tianji", overrides=(), mode="ann", steps=1),
    Target(title="TIANJI, SNN mode, reset to zero, T = 64", chip="tianji", overrides=(), mode="snn", steps=64),
    Target(
        title="TIANJI variant, SNN mode, reset by subtraction, T = 32",
        chip="tianji",
        overrides=(("neuron.models", "requantize,if_soft"),),
        mode="snn",
        steps=32,
    ),
    Target(title="PRIME, ANN mode", chip="prime", overrides=(), mode="ann", steps=1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRun:
    """One finished row: the target, the compiled model and its run on the held-out digits."""

    target: Target
    compiled: Compiled
    evaluated: Evaluated


def train_digits(data: Images, seed: int) -> Network:
    """Return an MLP 784-500-500-10 with ReLU trained on ``data`` by Adam (scikit-learn); same seed, same weights."""
    from sklearn.neural_network import MLPClassifier  # noqa: PLC0415 (takes a second to import)

    model = MLPClassifier(HIDDEN, max_iter=EPOCHS, batch_size=100, alpha=1e-4, random_state=seed, tol=0.0)
    import warnings  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that a fixed number of epochs is no convergence
        model.fit(data.x.astype(np.float32), data.labels)
    nodes: list[ops.Node] = [ops.Input(name="input", shape=(data.x.shape[1],))]
    for k, (weights, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True), start=1):
        w, b = weights.T.astype(np.float64), bias.astype(np.float64)
        nodes.append(ops.Linear(name=f"fc{k}", inputs=(nodes[-1].name,), weights=w, bias=b))
        if k < len(model.coefs_):
            nodes.append(ops.Activation(name=f"relu{k}", inputs=(nodes[-1].name,), function="relu"))
    nodes.append(ops.Output(name="logits", inputs=(nodes[-1].name,)))
    return Network(tuple(nodes))


def run_target(target: Target, network: Network, train: Images, test: Images) -> DemoRun:
    """Compile ``network`` for ``target``, calibrated on the training digits, and simulate ``test``."""
    chip = load_chip(target.chip, dict(target.overrides))
    options = TransformOptions(mode=target.mode, steps=target.steps, labels=train.labels)
    name = network.inputs[0].name
    compiled = compile_model(network, chip, {name: train.x}, options)
    evaluated = run_compiled(compiled, {name: test.x}, test.labels, level="tick", raster=target.mode == "snn")
    return DemoRun(target=target, compiled=compiled, evaluated=evaluated)


def run_demo(
    model_path: Path,
    exchange: Callable[[Network, Path], Network],
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[DemoRun]:
    """Train, write the model as ONNX, read it back, and run every target on the 1,000 held-out digits.

    Args:
        model_path: Where the trained model goes.
        exchange: Writes a network to a path as ONNX and returns what an importer reads from it.
        seed: Of the training.
        progress: Called with (what comes next, steps done, steps in all).
    """

    def tell(what: str, done: int) -> None:
        if progress is not None:
            progress(what, done, len(TARGETS) + 2)

    tell("reading the digits", 0)
    train, test = digits()
    tell(f"training an MLP 784-500-500-10 on {len(train.labels)} digits", 1)
    network = exchange(train_digits(train, seed), model_path)
    runs = []
    for k, target in enumerate(TARGETS):
        tell(target.title, k + 2)
        runs.append(run_target(target, network, train, test))
    tell("done", len(TARGETS) + 2)
    return runs
