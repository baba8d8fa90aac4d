"""Neuron models: one file each, found by name."""

from neutrams.neurons.find import find_model, models
from neutrams.neurons.model import NeuronModel, Parameter, State, register_range

__all__ = ["NeuronModel", "Parameter", "State", "find_model", "models", "register_range"]
