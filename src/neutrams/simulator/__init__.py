"""The clock-driven simulator: a program and inputs in; outputs, events, and what they cost, out."""

from neutrams.simulator.observer import Observer
from neutrams.simulator.result import Activity, Cost, Run
from neutrams.simulator.run import simulate

__all__ = ["Activity", "Cost", "Observer", "Run", "simulate"]
