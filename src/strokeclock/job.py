"""What a script does: it hands what its rule names to functions that name the same things.

    run(snakemake, write_comparisons)

A named input, output or param goes to the parameter of its name, and none may be left over: where rule and
function differ in a name, the job ends before it begins. Besides,

- an unnamed input is not handed on: the job waits for it, or reads it by a path that a param holds. Nor is
  the param ``code``, which every rule has so that other code makes its results stale;
- an input that is empty (``[]`` in the rule) is not given: the parameter's default holds. A parameter without
  a default takes a list, here one of no files. A list of one file stays a list;
- a wildcard goes to a parameter of its name that nothing else fills; as a number where the annotation is int;
- a parameter ``inputs`` takes the named inputs that no other parameter takes, ``outputs`` all named outputs:
  name -> file. A parameter ``output`` takes the folder in which all outputs lie.
"""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from strokeclock.errors import StrokeclockError
from strokeclock.logs import log_to

NEVER = ("code",)  # params that are not handed on
WHOLE = {"outputs", "output"}  # parameters that take all outputs


class JobError(StrokeclockError):
    """A rule and the functions of its script do not name the same things."""


@dataclass(frozen=True)
class Job:
    """What a rule names.

    Attributes
    ----------
    name : of rule and script, for errors.
    inputs, outputs : name -> a file, or a list of files.
    params, wildcards : name -> value.
    given : name -> value, what the script gives beside, before all others.
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
    step: Callable | None = None,
    **given: Any,
) -> None:
    """Call a script's functions, one after the other, with what the rule names; log to the rule's log.

    Parameters
    ----------
    snakemake : the object of that name in a script.
    functions : each takes what it names; together they take all.
    save : called with what the last function returns, a figure say, and the outputs that no function takes.
    step : for a rule of one patient, `imaging.exclusion.run_step`: makes the call, or passes on why the
        patient is excluded.
    given : values by name that the rule does not hold.

    Raises
    ------
    JobError
        A name is left over, or a parameter without a default has no value.
    """
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
        call = partial(function, **values)
        if step:
            patient = snakemake.wildcards.patient
            step(call, patient=patient, inputs=snakemake.input, outputs=snakemake.output)
        else:
            result = call()
    if save:
        save(result, *rest)


def match(
    job: Job, functions: Sequence[Callable], *, saves: bool = False
) -> tuple[list[dict[str, Any]], list[Any]]:
    """Return the arguments of each function, and the outputs that none takes.

    Parameters
    ----------
    saves : these outputs are saved: there is one at least.

    Raises
    ------
    JobError
        A name is left over, or a parameter without a default has no value.
    """
    params = {name: value for name, value in job.params.items() if name not in NEVER}
    named = {"value": job.given, "input": job.inputs, "output": job.outputs, "param": params}
    left = [(kind, name) for kind, values in named.items() for name in values]
    arguments: list[dict[str, Any]] = []
    faults: list[str] = []
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
    """The arguments of one function; what it takes of all, (kind, name); and what is wrong."""
    parameters = inspect.signature(function).parameters
    inputs, outputs = named["input"], named["output"]
    taken = {("output", name) for name in outputs if WHOLE & parameters.keys()}
    values: dict[str, Any] = {}
    faults: list[str] = []
    for name, parameter in parameters.items():
        kinds = [kind for kind in named if name in named[kind] and (kind, name) not in taken]
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
        elif name == "output":
            values[name], *others = {Path(file).parent for file in outputs.values()}
            faults += [f"{function.__name__} writes into one folder, not into {one}" for one in others]
        elif name != "inputs" and parameter.default is parameter.empty:
            faults.append(f"{function.__name__} has no value for {name}")
    if "inputs" in parameters:
        values["inputs"] = {name: file for name, file in inputs.items() if ("input", name) not in taken}
        taken |= {("input", name) for name in inputs}
    return values, taken, faults
