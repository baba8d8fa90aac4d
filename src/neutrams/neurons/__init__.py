"""Neuron models: one file each, found by name."""

from neutrams.neurons.model import NeuronModel, Parameter, State, find_model, models, register_range

__all__ = ["NeuronModel", "Parameter", "State", "find_model", "models", "register_range"]
