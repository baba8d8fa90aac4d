"""Images that benchmarks measure on: development looks at ``validation``; ``test`` is run once, at closing."""

import numpy as np
from scipy.ndimage import affine_transform

from neutrams.base.arrays import FloatArray
from neutrams.flow.datasets import Images, idx_images

AMOUNT = {"mnist": 1.0, "fashion_mnist": 0.5}
"""How much validation images are deformed: brings float accuracies near those on test images, or below."""

TUNED_ON = 50_000
"""Of the 60,000 training images the first so many may be tuned on; the others are for validation."""


def deformed(x: FloatArray, amount: float = 1.0, seed: int = 0) -> FloatArray:
    """Return images ``[N, 784]`` rotated, stretched, sheared and moved a little at random."""
    rng = np.random.default_rng(seed)
    out = np.empty_like(x)
    centre = np.array([13.5, 13.5])
    for k, image in enumerate(x.reshape(-1, 28, 28)):
        angle, stretch = np.deg2rad(amount * rng.normal(0, 6)), 1 + amount * rng.normal(0, 0.05, 2)
        shear = amount * rng.normal(0, 0.05)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = turn @ np.array([[stretch[0], shear], [0, stretch[1]]])
        offset = centre - matrix @ (centre + amount * rng.normal(0, 0.4, 2))
        out[k] = affine_transform(image, matrix, offset, order=1).ravel()
    return out.clip(0, 1)


def held_out(data: str, split: str) -> Images:
    """Return 10,000 images of ``mnist`` or ``fashion_mnist``.

    Args:
        data: The data set.
        split: ``validation``, the last training images, deformed (the models have seen them straight), or ``test``.
    """
    if split == "test":
        return idx_images(data, "test")
    images = idx_images(data, "train").part(TUNED_ON, 60_000)
    return Images(x=deformed(images.x, AMOUNT[data]), labels=images.labels)


def data_of(model: str) -> str:
    """Return the data set that a model of the data folder was trained on."""
    return "fashion_mnist" if model.startswith("fashion") else "mnist"
