"""The whole job as lists of named steps: compile, run, inspect, store, and the demo."""

from neutrams.flow.arrays import load_arrays, named_inputs
from neutrams.flow.compile import Compiled, compile_model
from neutrams.flow.execute import Evaluated, float_classes, run_compiled
from neutrams.flow.inspect import inspect_model, inspect_network
from neutrams.flow.store import load_compiled, save_compiled
from neutrams.transform.options import TransformOptions as CompileOptions
from neutrams.transform.options import default_steps

__all__ = [
    "CompileOptions",
    "Compiled",
    "Evaluated",
    "compile_model",
    "default_steps",
    "float_classes",
    "inspect_model",
    "inspect_network",
    "load_arrays",
    "load_compiled",
    "named_inputs",
    "run_compiled",
    "save_compiled",
]
