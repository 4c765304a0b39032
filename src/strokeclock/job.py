"""Call a script's functions with the values of its rule, matched by name.

    run(snakemake, write_comparisons)

A named input, output or param is passed to the parameter of its name, and none may be left over: where rule
and function differ in a name, the job fails before a function is called. Further rules:

- An unnamed input is not passed: the job only waits for it, or a param holds its path. The param ``code`` is
  not passed either: every rule has it so that changed code makes its results stale.
- An empty input (``[]`` in the rule) is not passed: the parameter keeps its default. A parameter without a
  default gets an empty list. A list of one file stays a list.
- A wildcard is passed to a parameter of its name that has no other value, as a number if annotated as int.
- A param is a number, a text, a list or a dictionary of such, or None. Snakemake cannot compare other objects
  with those of the last run.
- A parameter ``inputs`` takes the named inputs that no other parameter takes, ``outputs`` all named outputs:
  name -> file. A parameter ``output`` takes the folder that holds all outputs. Where the rule itself has such
  a name, it is a name as any other.
"""

import gc
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from strokeclock.logs import log_to
from strokeclock.rules import JobError, find_odd_params

# While modules are imported, Python searches their objects, which all stay, for unused ones again and again:
# up to a third of a small job's time. Scripts import this module first, and `run` turns the search on again.
if hasattr(sys.modules["__main__"], "snakemake"):
    gc.disable()

NEVER = ("code",)  # params that are not passed
WHOLE = {"outputs", "output"}  # parameters that take all outputs


@dataclass(frozen=True)
class Job:
    """The values of a rule by their names.

    Attributes
    ----------
    name : of rule and script, for errors.
    inputs, outputs : name -> a file, or a list of files.
    params, wildcards : name -> value.
    given : name -> value that the script adds; it precedes the rule's value of that name.
    """

    name: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    wildcards: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)


def run(
    snakemake: Any,
    *functions: Callable,
    save: Callable | None = None,
    **given: Any,
) -> None:
    """Call a script's functions in their order with the rule's values; log to the rule's log file.

    Parameters
    ----------
    snakemake : the object of that name in a script.
    functions : each gets the values of its parameters' names; together they must take all.
    save : called with the last function's result, such as a figure, and the outputs that no function takes.
    given : further values by name.

    Raises
    ------
    JobError
        A name is left over, a parameter without a default has no value, or an output was not written.
    """
    gc.freeze()  # what was imported is not looked through
    gc.enable()
    log_to(snakemake.log[0])
    script = Path(getattr(sys.modules["__main__"], "__file__", "")).name
    job = Job(
        f"rule {snakemake.rule}, script {script}",
        inputs=dict(snakemake.input.items()),
        outputs=dict(snakemake.output.items()),
        params=dict(snakemake.params.items()),
        wildcards=dict(snakemake.wildcards.items()),
        given=given,
    )
    arguments, rest = match(job, functions, saves=save is not None)
    result = None
    for function, values in zip(functions, arguments, strict=True):
        result = function(**values)
    if save:
        save(result, *rest)
    if lacking := [file for file in snakemake.output if not Path(file).exists()]:
        names = " and ".join(function.__name__ for function in functions)
        raise JobError(f"{job.name}: {names} did not write {lacking[0]}.")
    gc.freeze()  # Python would look through all objects once more before it ends


def match(
    job: Job, functions: Sequence[Callable], *, saves: bool = False
) -> tuple[list[dict[str, Any]], list[Any]]:
    """Return the arguments of each function, and the outputs that none takes.

    Parameters
    ----------
    saves : these outputs are saved, and there must be at least one.

    Raises
    ------
    JobError
        A name is left over, a parameter without a default has no value, or Snakemake cannot compare a param.
    """
    params = {name: value for name, value in job.params.items() if name not in NEVER}
    named = {"value": job.given, "input": job.inputs, "output": job.outputs, "param": params}
    left = [(kind, name) for kind, values in named.items() for name in values]
    arguments: list[dict[str, Any]] = []
    faults = find_odd_params(params)
    for function in functions:
        values, taken, wrong = _fill(function, named, wildcards=job.wildcards)
        arguments.append(values)
        faults += wrong
        left = [one for one in left if one not in taken]
    names = " and ".join(function.__name__ for function in functions)
    rest = [name for kind, name in left if kind == "output"] if saves else []
    if saves and not rest:
        faults.append(f"no output is left for what {functions[-1].__name__} returns")
    take = "takes" if len(functions) == 1 else "take"
    faults += [f"{names} {take} no {kind} {name}" for kind, name in left if not (saves and kind == "output")]
    if faults:
        raise JobError(f"{job.name}: {'; '.join(faults)}.")
    return arguments, [job.outputs[name] for name in rest]


def _fill(
    function: Callable, named: Mapping[str, Mapping[str, Any]], *, wildcards: Mapping[str, str]
) -> tuple[dict[str, Any], set[tuple[str, str]], list[str]]:
    """Return the arguments of one function, what it takes as (kind, name), and the faults."""
    parameters = inspect.signature(function).parameters
    inputs, outputs = named["input"], named["output"]
    whole = {name for name in WHOLE & parameters.keys() if not any(name in given for given in named.values())}
    taken = {("output", name) for name in outputs if whole}
    values: dict[str, Any] = {}
    faults: list[str] = []
    for name, parameter in parameters.items():
        kinds = [kind for kind in named if name in named[kind] and (kind, name) not in taken]
        if not kinds and name in outputs:
            kinds = ["output"]  # passed by its name, too
        taken |= {(kind, name) for kind in kinds}
        if len(kinds) > 1 and kinds[0] != "value":
            faults.append(f"{' and '.join(kinds)} are both called {name}")
        if kinds:
            value = named[kinds[0]][name]
            value = [*value] if kinds[0] == "input" and isinstance(value, list) else value
            if value == [] and kinds[0] == "input" and parameter.default is not parameter.empty:
                continue
            values[name] = value
        elif name in wildcards:
            is_number = parameter.annotation in (int, "int")
            values[name] = int(wildcards[name]) if is_number else wildcards[name]
        elif name == "outputs":
            values[name] = dict(outputs)
        elif name == "output" and outputs:
            values[name], *others = {Path(file).parent for file in outputs.values()}
            faults += [f"{function.__name__} writes into one folder, not into {one}" for one in others]
        elif name != "inputs" and parameter.default is parameter.empty:
            faults.append(f"{function.__name__} has no value for {name}")
    if "inputs" in parameters:
        values["inputs"] = {name: file for name, file in inputs.items() if ("input", name) not in taken}
        taken |= {("input", name) for name in inputs}
    return values, taken, faults
