"""Spiking networks spike for spike: each float neuron becomes a neuron of the chip, in the same steps."""

from neutrams.transform.tuning.spiking.pipeline import spiking_core

__all__ = ["spiking_core"]
