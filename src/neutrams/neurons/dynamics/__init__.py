"""Dynamics of spiking neurons in floats: a file a model of the Neuromorphic Intermediate Representation (NIR).

Integer models, those that chips have, stand beside this folder.
"""

from neutrams.neurons.dynamics.model import DynamicsModel, Rules, State, dynamics_models

__all__ = ["DynamicsModel", "Rules", "State", "dynamics_models"]
