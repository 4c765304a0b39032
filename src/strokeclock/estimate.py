"""What a run will cost in CPU hours, GPU hours and disk: cohort sheet, configuration, measured costs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from strokeclock.cohort.patients import Patients, read_patients
from strokeclock.errors import ConfigurationError
from strokeclock.models.registry import find_network
from strokeclock.models.spec import StepCost
from strokeclock.plan.plan import Plan, make_plan
from strokeclock.settings.check import check_configuration
from strokeclock.settings.merged import lay_over, merge_files
from strokeclock.toolchain import choose
from strokeclock.training.phases import GENESIS, SEGMENTATION, Run

# Of one patient or job, on whole heads and the paper's grid: benchmarks/bench_costs.py.
_CHECKS_CPU_S = 0.7
_CUT_CPU_S = 0.2
_JOB_CPU_S = 0.7  # until its work begins
_JOBS_A_BATCH = 6
_REGISTERED_BYTES = 3.4  # a voxel of the atlas grid: all preprocessed files, compressed
_VOXEL_BYTES = 2.0  # a voxel of the atlas grid and series: hemispheres
_PICTURE_MB = 0.6

_FULL_HEMISPHERE = 112 * 224 * 26  # voxels
_BRAIN = 0.5  # of a step's cost, where networks get the box around the brain (models.view)
_FORWARD = 1 / 3  # of a step's cost: validation and prediction
_MEDICAL = "phase0_medical"


# With the decoder: Models Genesis and the segmentation (benchmarks/gpu_table2.py).
_UNET_STEP = StepCost(11.0, 17.5)


@dataclass(frozen=True)
class Cost:
    """One line of an estimate.

    Attributes
    ----------
    what : in words.
    cpu_h : hours of one core. Of a training: without a GPU.
    gpu_h : hours of an H200, which take the place of cpu_h; None where no GPU is used.
    disk_gb : that stay in results/ (10⁹ bytes).
    """

    what: str
    cpu_h: float
    gpu_h: float | None = None
    disk_gb: float = 0.0


def estimate(sheet: Path, files: Sequence[Path]) -> Iterator[str]:
    """Yield the lines of an estimate of a run.

    Parameters
    ----------
    sheet : the cohort sheet.
    files : configuration files, the later ones win; the defaults stand below them.

    Raises
    ------
    ConfigurationError
        The configuration is refused, or the sheet is absent, refused or holds no patient.
    """
    if not sheet.is_file():
        raise ConfigurationError(f"There is no cohort sheet {sheet}: correct the path.")
    config = merge_configuration(sheet, files)
    settings = check_configuration(_without_phantom_weights(config))
    patients = read_patients(config, folder=f"results/{config['run']}")
    patients.check_any_left()
    settings.check_counts(patients=patients.to_divide)
    plan = make_plan(config, folder=patients.folder)
    yield from describe([*cost_patients(patients), *cost_networks(plan, patients)], patients=patients)


def merge_configuration(sheet: Path, files: Sequence[Path]) -> dict[str, Any]:
    """Return the defaults with the files laid over them, as Snakemake does; the sheet replaces phantoms."""
    config = merge_files(files)
    lay_over(config, {"cohort": {"sheet": str(sheet)}, "phantom": {"patients": 0}})
    return config


def _without_phantom_weights(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration that a sheet may have: a run of patients takes no weights from phantom tumours.

    The trainings that start from them are counted all the same.
    """
    weights = config["initial_weights"]
    if not isinstance(weights, Mapping):  # which the check refuses
        return dict(config)
    kept = {
        name: {**data, "source": None} if _is_of_phantoms(data) else data for name, data in weights.items()
    }
    return {**config, "initial_weights": kept}


def _is_of_phantoms(data: object) -> bool:
    return isinstance(data, Mapping) and data.get("source") == "phantom"


def cost_patients(patients: Patients) -> Iterator[Cost]:
    """Yield what is done once for each patient."""
    config, number = patients.config, len(patients.ids)
    voxels = number * prod(config["preprocessing"]["grid"])
    toolchain, channels = choose(config["preprocessing"]), len(config["models"]["channels"])
    jobs = len(patients.batches) * _JOBS_A_BATCH
    yield Cost(
        f"preprocessing ({toolchain.name})",
        number * toolchain.cpu_s / 3600,
        disk_gb=voxels * _REGISTERED_BYTES / 1e9,
    )
    yield Cost(
        "quality, lesions, radiomics", number * _CHECKS_CPU_S / 3600, disk_gb=number * _PICTURE_MB / 1e3
    )
    yield Cost("hemispheres", number * _CUT_CPU_S / 3600, disk_gb=voxels * channels * _VOXEL_BYTES / 1e9)
    yield Cost(f"starts of {jobs} jobs", jobs * _JOB_CPU_S / 3600)


def cost_networks(plan: Plan, patients: Patients) -> Iterator[Cost]:
    """Yield what trainings and predictions cost, by network and phase; trainings with all their epochs."""
    parts = _count_parts(patients)
    works: dict[str, list[_Work]] = {}
    for run in plan.trainings.runs:
        if run.phase != _MEDICAL:
            works.setdefault(f"{run.net} {run.phase}", []).append(_work_of(plan, run, parts))
    if seeds := plan.segmentation.seeds:
        works[f"{plan.segmentation.network} {SEGMENTATION}"] = [_segmentation_of(plan, parts)] * len(seeds)
    for row, points in plan.search.points.items():
        candidates = [
            _work_of(plan, Run(*row, plan.trainings.seeds[0]), parts, changed=point) for point in points
        ]
        works.setdefault(f"search of {row[0]} {row[1]}", []).extend(candidates)
    if further := len(plan.repeats.split_seeds) - 1:
        once = [work for of_runs in works.values() for work in of_runs]
        works[f"{further} further split{'s' if further > 1 else ''}"] = once * further
    for what, of_runs in works.items():
        cpu_h = sum(work.hemispheres * work.step.cpu_s for work in of_runs) / 3600
        gpu_h = sum(work.hemispheres * work.step.gpu_ms for work in of_runs) / 3.6e6
        yield Cost(what, cpu_h, None if plan.config["training"]["device"] == "cpu" else gpu_h)


def describe(costs: Sequence[Cost], *, patients: Patients) -> Iterator[str]:
    """Yield a table of costs, their sums, and what they hold for."""
    number, labelled = len(patients.ids), len(patients.labelled)
    excluded = f"; {len(patients.exclusions)} more are excluded" if patients.exclusions else ""
    yield f"{number} patients, {labelled} of known onset and side{excluded}."
    if not patients.config["split"]["file"]:
        parts = _count_parts(patients)
        yield f"Of these about {parts.train} train, {parts.validation} validate and {parts.test} test."
    yield ""
    yield f"{'':40} {'CPU h':>9} {'or GPU h':>9} {'disk GB':>9}"
    for cost in [*costs, _together(costs)]:
        gpu_h = "" if cost.gpu_h is None else _short(cost.gpu_h)
        yield f"{cost.what:40} {_short(cost.cpu_h):>9} {gpu_h:>9} {_short(cost.disk_gb):>9}"
    yield ""
    yield "CPU h: hours of one core. Or GPU h: hours of an H200 in bf16, in place of the CPU's in that line."
    yield "Trainings are counted with all their epochs; most end earlier. Other machines may take twice as"
    yield "long. Not counted: the raw series, training on medical images, tables and figures (minutes), and"
    yield "on a cluster the start of Snakemake in each job, some seconds."


def _short(number: float) -> str:
    """A number with one digit after the point, or two below 1; what is less than 0.01 is said to be."""
    if 0 < number < 0.01:
        return "<0.01"
    return f"{number:.2f}" if 0 < number < 1 else f"{number:.1f}"


class _Work(NamedTuple):
    """hemispheres : in training steps of one hemisphere; one that is only scored counts `_FORWARD`."""

    step: StepCost
    hemispheres: float


class _Parts(NamedTuple):
    """How many patients the parts hold, and how many are scored."""

    train: int
    validation: int
    test: int
    scored: int


def _work_of(plan: Plan, run: Run, parts: _Parts, *, changed: Mapping[str, Any] | None = None) -> _Work:
    """What a training costs; ``changed``: the settings that a search tries in it."""
    task = plan.tasks.by_phase.get(run.phase)
    settings = {**plan.config["training"][run.phase], **(changed or {})}
    sides = 2 if task is None or task.both_hemispheres else 1
    passes = settings["epochs"] * (parts.train + _FORWARD * parts.validation)
    if run.phase == GENESIS:
        return _Work(_scale(_UNET_STEP, plan, run.net), sides * passes)
    is_frozen = bool(settings.get("freeze")) and run.start != "random"
    spec = find_network(run.net)
    step = _scale(spec.frozen_step if is_frozen else spec.step, plan, run.net)
    return _Work(step, sides * (passes + _FORWARD * parts.scored))


def _segmentation_of(plan: Plan, parts: _Parts) -> _Work:
    """Of one seed: a network that learns from the whole training part, and one without each fold."""
    epochs, folds = plan.config["training"][SEGMENTATION]["epochs"], plan.segmentation.folds
    learned = epochs * (parts.train * max(folds, 1) + _FORWARD * parts.validation * (folds + 1))
    return _Work(_scale(_UNET_STEP, plan, plan.segmentation.network), 2 * (learned + _FORWARD * parts.scored))


def _scale(step: StepCost, plan: Plan, net: str) -> StepCost:
    """A step's cost with the run's grid, view and width: convolutions cost as the square of the width."""
    models = plan.config["models"]
    voxels = prod(plan.config["preprocessing"]["grid"]) / 2 / prod(models["average"])
    view = _BRAIN if models["view"] == "brain" else 1.0
    width = plan.networks.settings[net].get("width", 1) / find_network(net).defaults.get("width", 1)
    share = voxels / _FULL_HEMISPHERE * view * width**2
    return StepCost(step.cpu_s * share, step.gpu_ms * share)


def _count_parts(patients: Patients) -> _Parts:
    split, known = patients.config["split"], patients.to_divide or 0
    train, validation, test = split["counts"] or [round(share * known) for share in split["fractions"]]
    return _Parts(train, validation, test, len(patients.labelled))


def _together(costs: Sequence[Cost]) -> Cost:
    on_gpu = [cost.gpu_h for cost in costs if cost.gpu_h is not None]
    return Cost(
        "together",
        sum(cost.cpu_h for cost in costs),
        sum(on_gpu) if on_gpu else None,
        sum(cost.disk_gb for cost in costs),
    )
