"""Streams of synthetic speech with pauses and noise, by espeak-ng through the package espeakng_loader."""

import ctypes
from collections.abc import Sequence

import numpy as np

from neutrams.base.arrays import FloatArray

RATE = 16_000
"""Samples a second."""
FRAME, CONTEXT = 512, 64
"""New samples of a frame, and those before it that it repeats."""
VOICES = ("en", "en-us", "de", "fr", "en+f3", "en+m7")
LEARNT = (
    "The quick brown fox jumps over the lazy dog.",
    "Please call Stella and ask her to bring these things with her from the store.",
    "Seven plus nine is sixteen.",
    "When the sunlight strikes raindrops in the air, they act as a prism.",
    "Der schnelle Fuchs springt.",
    "Are you coming home tonight, or shall we wait until tomorrow?",
    "A large size in stockings is hard to sell.",
    "Rice is often served in round bowls.",
)
"""Sentences of calibration."""
HELD_OUT = (
    "The birch canoe slid on the smooth planks.",
    "Glue the sheet to the dark blue background.",
    "It is easy to tell the depth of a well.",
    "These days a chicken leg is a rare dish.",
    "How many neurons fit a single core?",
    "The juice of lemons makes fine punch.",
)
"""Sentences of measuring."""


class Speaker:
    """Says sentences.

    Raises:
        ImportError: The package espeakng_loader, which brings the library, is not installed.
    """

    def __init__(self) -> None:
        import espeakng_loader  # type: ignore[import-not-found, unused-ignore]

        self._library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
        self._library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
        self._rate = self._library.espeak_Initialize(1, 0, str(espeakng_loader.get_data_path()).encode(), 0)
        self._heard: list[np.ndarray] = []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._hear = kind(self._take)  # kept: the library calls it
        self._library.espeak_SetSynthCallback(self._hear)

    def _take(self, wave: "ctypes._Pointer[ctypes.c_short]", samples: int, _events: object) -> int:
        if wave and samples > 0:
            self._heard.append(np.ctypeslib.as_array(wave, (samples,)).copy())
        return 0

    def say(self, text: str, voice: str) -> FloatArray:
        """Return ``text`` at 16 kHz, -1 to 1."""
        self._heard.clear()
        self._library.espeak_SetVoiceByName(voice.encode())
        spelt = text.encode()
        self._library.espeak_Synth(spelt, len(spelt) + 1, 0, 0, 0, 1, None, None)
        self._library.espeak_Synchronize()
        wave = np.concatenate(self._heard) / 32768
        at = np.arange(int(len(wave) * RATE / self._rate)) * self._rate / RATE
        found: FloatArray = np.interp(at, np.arange(len(wave)), wave)
        return found

    def frames(self, sentences: Sequence[str], seed: int) -> FloatArray:
        """Return a stream of all sentences in random order, loudness, pauses and noise, frames ``[n, 576]``."""
        rng = np.random.default_rng(seed)
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(seed + 1))  # breath is noise
        parts = [np.zeros(CONTEXT)]
        for k, place in enumerate(rng.permutation(len(sentences))):
            loud = self.say(sentences[place], VOICES[k % len(VOICES)]) * rng.uniform(0.2, 1.2)
            parts += [np.zeros(int(RATE * rng.uniform(0.3, 1.2))), loud]
        wave = np.concatenate(parts)
        wave[CONTEXT:] += rng.normal(0, 10 ** rng.uniform(-3.5, -1.7), len(wave) - CONTEXT)
        return np.stack([wave[k : k + CONTEXT + FRAME] for k in range(0, len(wave) - CONTEXT - FRAME + 1, FRAME)])
