"""Neuron models: one file each, found by name."""

from neutrams.neurons.model import NeuronModel, Parameter, find_model, models

__all__ = ["NeuronModel", "Parameter", "find_model", "models"]
