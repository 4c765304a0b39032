"""The methods of a run in words, with its own numbers, from its configuration and its files."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from strokeclock.cohort.people import People
from strokeclock.evaluation.tables import name_target
from strokeclock.models.registry import find_network, list_titles, networks
from strokeclock.series import SERIES
from strokeclock.toolchain import choose
from strokeclock.training.grid import list_points
from strokeclock.training.phases import (
    GENESIS,
    SEGMENTATION,
    Task,
    list_trainings,
    network_settings,
    read_tasks,
    settings_of,
)
from strokeclock.words import list_words

_NORMALISATION = {
    "zscore": "brought to zero mean and unit variance inside the brain and clipped at {clip:g} SD",
    "minmax": "scaled from minimum to maximum",
    "whitestripe": "normalised to the largest mode of their histogram (WhiteStripe)",
    "median": "divided by the brain's median",
    "none": "left as they were",
}
_STARTS = {
    "random": "random weights",
    "imagenet": "ImageNet weights",
    "medical": "weights from brain tumours",
    "chain": "the weights of the phase before (proposed)",
}
_OPTIMIZERS = {"adabound": "AdaBound", "adamw": "AdamW", "adam": "Adam", "sgd": "SGD"}
_SELECTION = {"auc": "the validation AUC", "loss": "the validation loss"}
_AUGMENTATION = {
    "rotation_deg": "rotation up to {:g}°",
    "scale": "scaling up to {:.0%}",
    "shift_mm": "shift up to {:g} mm",
    "gain": "gain up to {:.0%}",
    "noise": "noise up to {:g}",
}


def describe_methods(
    config: Mapping, *, people: People, not_run: Collection[tuple[str, str]] = ()
) -> dict[str, str]:
    """Describe the methods of a run: title -> paragraph.

    Parameters
    ----------
    config : mapping
        The checked configuration.
    people : People
        The numbers of patients.
    not_run : of (network, start)
        The configured starts without initial weights.
    """
    return {
        "Patients": _join(_patients(config, people)),
        "Images": _join(_images(config)),
        "Networks": _join(_networks(config)),
        "Training": _join(_training(config, not_run)),
        "Evaluation": _join(_evaluation(config)),
    }


def _patients(config: Mapping, people: People) -> Iterator[str]:
    if config["cohort"]["sheet"]:
        yield f"{_count(people.entered, 'patient')} entered"
    else:
        yield f"{_count(people.entered, 'synthetic patient')} were made (seed {config['phantom']['seed']})"
    stages = [f"{number} at {stage}" for stage, number in people.excluded.items()]
    yield (
        f"{sum(people.excluded.values())} were excluded ({list_words(stages)})"
        if stages
        else "none was excluded"
    )
    if people.unlabelled:
        yield f"{people.unlabelled} without onset or side of the lesion are in no part"
    if people.external:
        yield f"{people.external} of an external cohort taught nothing and are not among the following"
    train, validation, test = people.parts.values()
    further = [
        f"{number} {kind}"
        for number, kind in (
            (people.unknown_onset, "of unknown onset"),
            (people.without_lesion, "without an acute lesion"),
        )
        if number
    ]
    others = stages or people.unlabelled or people.external or further
    stayed = "the others" if others else "they"
    how = (
        "by a given list"
        if config["split"]["file"]
        else f"by patient, stratified on time since onset (seed {config['split']['seed']})"
    )
    yield (
        f"{stayed} were divided into {train} for training, {validation} for validation and {test} for test, "
        f"{how}"
    )
    if (repeats := config["split"]["repeats"]) > 1:
        seeds = [config["split"]["seed"] + number for number in range(1, repeats)]
        yield (
            f"everything from this split on was repeated for {_count(repeats - 1, 'further split')} "
            f"(seed{'s' if repeats > 2 else ''} {list_words(seeds)}); test parts of different splits share "
            "patients, and a patient tested in one is learned from in another, so that no test part is "
            "untouched; the numbers that follow, and all that is not said to be repeated, are of the first"
        )
    for limit, below in people.below.items():
        train, validation, test = below.values()
        yield f"{name_target(limit)} held for {train}, {validation} and {test} of them"
    if people.of_class:
        yield (
            f"of {people.of_class} of them only the class TSS < 4.5 h or not is known, so that they took "
            "part in no other time task"
        )
    if further:
        yield (
            f"{list_words(further)} took part where no time is learned: in Models Genesis, in the "
            "task of lesion or not and in the segmentation of the lesion"
        )


def _images(config: Mapping) -> Iterator[str]:
    images, phantom = config["preprocessing"], config["phantom"]
    if not config["cohort"]["sheet"] and phantom["space"] == "template":
        yield "Registered volumes were made directly, without scanner, skull or registration"
    else:
        yield from choose(images).describe(images, config["models"]["channels"])
    x, y, z = images["grid"]
    yield f"volumes have {x} × {y} × {z} voxels on the grid of the T2w MNI-152 atlas"
    intensity = images["intensity"]
    yield f"series were {_NORMALISATION[intensity['normalisation']].format(clip=intensity['clip'])}"
    whose = "a training patient of another study" if intensity["reference"] else "one training patient"
    if intensity["matching"] == "landmarks":
        points = _count(intensity["match_points"], "point")
        yield f"their histograms were matched at {points} to those of {whose}"
    elif intensity["matching"] == "bounded":
        yield (
            f"their histograms were matched to those of {whose} by a smooth map of log intensity with slopes "
            "of 0.95 to 1.05"
        )
    if intensity["percentiles"]:
        low, high = intensity["percentiles"]
        yield f"percentiles {low:g} and {high:g} of the brain became 0 and 1"
    channels = list_words([SERIES[name].title for name in config["models"]["channels"]])
    beside = (
        " and their differences from the contralateral hemisphere"
        if config["models"]["contralateral"]
        else ""
    )
    yield (
        f"brains were cut at the mid-sagittal plane and right hemispheres mirrored: "
        f"{x // 2} × {y} × {z} voxels with the channels {channels}{beside}"
    )


def _networks(config: Mapping) -> Iterator[str]:
    models = config["models"]
    for net, spec in networks().items():
        if net in config["training"]["networks"]:
            yield spec.describe(network_settings(net, models))
    yield f"attention is normalised by {models['attention_norm'].replace('_', ' ')}"
    if models["view"] == "brain":
        yield "the networks' view was the box around the atlas's brain with a margin of 5 mm"
    if (average := models["average"]) != [1, 1, 1]:
        yield f"the networks' view averaged {' × '.join(map(str, average))} voxels"
    if models["standardise"]:
        yield "the networks' first step standardises each channel by the brain's median"


def _training(config: Mapping, not_run: Collection[tuple[str, str]]) -> Iterator[str]:
    training = config["training"]
    seeds = training["seeds"]
    times = f"{len(seeds)} times (seeds" if len(seeds) > 1 else "once (seed"
    yield (
        f"By the recipe “{config['recipe']}”, each network was trained {times} {list_words(seeds)}) with "
        f"{_optimizer(training)}"
    )
    restoring = [net for net in training["networks"] if "genesis" in find_network(net).starts]
    if (genesis := training[GENESIS]) and restoring and "chain" in training["starts"]:
        yield (
            f"phase 0 ({list_titles(restoring)}) was trained to restore corrupted training hemispheres "
            f"(Models Genesis; up to {_count(genesis['epochs'], 'epoch')}, batches of {genesis['batch']}, "
            f"{_OPTIMIZERS[genesis['optimizer']]}, rate {_rate(genesis['lr'])})"
        )
    nets, starts = training["networks"], training["starts"]
    missing = [(net, start) for net, start in not_run if net in nets and start in starts]
    pretrained = [
        net
        for net in nets
        if "medical" in starts and "medical" in find_network(net).starts and (net, "medical") not in missing
    ]
    if pretrained:
        yield _tumours(config, pretrained)
    yield from _phases(training)
    yield from _searches(training, missing)
    if training["attention_enter"] == "phase1":
        yield "the attention gates were in the networks from the first phase on"
    begun = list_words([_name_start(start, nets) for start in starts], last="or")
    yield f"the time phases started from {begun}"
    if missing:
        rows = list_words(f"{find_network(net).title} from {_STARTS[start]}" for net, start in missing)
        yield f"not run, without initial weights: {rows}"
    if training[SEGMENTATION]:
        yield _segmenter(training[SEGMENTATION])
    kinds = [_AUGMENTATION[kind].format(most) for kind, most in training["augmentation"].items() if most]
    yield f"augmentation: {list_words(kinds)}" if kinds else "nothing was augmented"
    if training["label_softness"]:
        yield f"time labels were softened over {training['label_softness']:g} SD of log time"


def _name_start(start: str, nets: Sequence[str]) -> str:
    """The initial weights of a start, and the networks that have them where not all do."""
    owners = [net for net in nets if start in find_network(net).starts]
    return f"{_STARTS[start]} ({list_titles(owners)})" if 0 < len(owners) < len(nets) else _STARTS[start]


def _segmenter(own: Mapping) -> str:
    decay = f", weight decay {own['weight_decay']:g}" if own["weight_decay"] else ""
    return (
        "beyond the paper, a 3D U-Net was trained to segment the lesion from both hemispheres, on the "
        f"training patients ({_count(own['epochs'], 'epoch')}, batches of {own['batch']}, AdamW, one cycle "
        f"of the rate, {_rate(own['lr'])}{decay}); a regression of log time predicted TSS from the size of "
        "the lesion segmentation and its ratio to the contralateral side in each series, each side relative "
        f"to its surroundings; the training patients were divided into {own['folds']} folds, and the "
        "regression was fitted on segmentations of each fold by a network that had learned from the others; "
        "its scores were used alone and averaged with those of the chain's networks"
    )


def _optimizer(training: Mapping) -> str:
    decay = f", weight decay {training['weight_decay']:g}" if training["weight_decay"] else ""
    schedule = "one cycle of the rate" if training["schedule"] == "one_cycle" else "a constant rate"
    return f"{_OPTIMIZERS[training['optimizer']]}{decay}, {schedule} and {training['precision']} arithmetic"


def _tumours(config: Mapping, nets: Sequence[str]) -> str:
    own = config["training"]["phase0_medical"]
    sources = {config["initial_weights"][find_network(net).starts["medical"]]["source"] for net in nets}
    made = "synthetic " if "phantom" in sources else ""
    return (
        f"weights from {made}brain tumours ({list_titles(nets)}) were trained first "
        f"(up to {_count(own['epochs'], 'epoch')}, batches of {own['batch']}, Adam, rate {_rate(own['lr'])})"
    )


def _phases(training: Mapping) -> Iterator[str]:
    tasks = read_tasks(training)
    described: dict[str, Task] = {}
    for task in tasks.values():
        how = _schedule(settings_of(task.phase, training), task, training["optimizer"])
        first = described.setdefault(how, task)
        question = (
            "whether a hemisphere holds a lesion" if task.both_hemispheres else name_target(task.below_min)
        )
        after = f" after phase {tasks[task.after].number}" if task.after else ""
        attention = ", with attention," if task.attention else ""
        yield (
            f"phase {task.number}{after}{attention} was trained on {question} "
            f"({how if first is task else f'as phase {first.number}'})"
        )


def _searches(training: Mapping, missing: Sequence[tuple[str, str]]) -> Iterator[str]:
    tasks = read_tasks(training)
    trained = list_trainings(
        training["networks"],
        training["starts"],
        training["seeds"][:1],
        tasks=tasks,
        missing=dict.fromkeys(missing, ""),
    )
    for phase, grid in training["search"].items():
        points = len(list_points(grid))
        looks = points * sum(run.phase == phase for run in trained)
        names = list_words([name.replace("_", " ").replace("lr", "rate") for name in grid])
        verb = "were" if len(grid) > 1 else "was"
        yield (
            f"{names} of phase {tasks[phase].number} {verb} chosen for each network and start among {points} "
            f"combinations, trained with seed {training['seeds'][0]}, by the highest validation AUC "
            f"({_count(looks, 'look')} at the validation part in all, none at the test part)"
        )


def _schedule(own: Mapping, task: Task, optimizer: str) -> str:
    if own["selection"] == "last":
        until = f"{_count(own['epochs'], 'epoch')}, the last kept"
    else:
        until = (
            f"up to {_count(own['epochs'], 'epoch')}, stopped after {own['patience']} without a better one "
            f"and kept by {_SELECTION[own['selection']]}"
        )
    rate = f"rate {_rate(own['lr'])}"
    if optimizer == "adabound":
        rate += f" to {_rate(own['final_lr'])}"
    frozen = ", early layers frozen" if own["freeze"] else ""
    head = ", a fresh head" if own["head"] == "fresh" and task.after else ""
    return f"{until}; batches of {own['batch']}, {rate}{frozen}{head}"


def _evaluation(config: Mapping) -> Iterator[str]:
    settings = config["evaluation"]
    chosen = {
        "validation": "was chosen on the validation part by Youden's J",
        "test": "was chosen on the test part itself by Youden's J, which is optimistic",
        "fixed": f"was fixed at {settings['fixed_threshold']:g}",
    }[settings["threshold"]]
    yield f"Scores were averaged over the seeds and the threshold {chosen}"
    yield (
        f"intervals are {settings['confidence']:.0%} ones: Wilson's for proportions, DeLong's for AUC, and "
        f"{settings['bootstraps']:,} bootstraps of patients where hemispheres are counted"
    )
    seeds = (
        ", and that of the AUC over seeds and patients is Obuchowski and Rockette's, with seeds as readers"
        if len(config["training"]["seeds"]) > 1
        else ""
    )
    yield f"the interval of a likelihood ratio is that of the log method{seeds}"
    yield (
        "thresholds that reach a wanted sensitivity or specificity were chosen on the validation part, and "
        "groups of test patients were compared by Cochran's Q, Fisher's exact and Pearson's chi-square test, "
        "corrected after Holm"
    )
    yield (
        "rows were compared on the same test patients by DeLong's paired test and with readers by McNemar's "
        "exact test, corrected after Holm"
    )
    timing = any(task.below_min for task in read_tasks(config["training"]).values())
    if timing and "chain" in config["training"]["starts"]:
        yield (
            "rows of a time task were tested with the given side and end to end: the networks of lesion "
            "detection found the side, the hemisphere that was found was scored, and a patient without a "
            "score counted as not called, with the validation part's share of short times as score"
        )
    if config["split"]["repeats"] > 1:
        yield (
            "over the splits, means have intervals, and the chain and random weights are compared, with "
            "the variance of Nadeau and Bengio (2003), which allows for overlapping training parts"
        )
    if "flair" in config["models"]["channels"]:
        yield from _radiomics(settings["radiomics"])
    yield f"Grad-CAM was taken at the {settings['gradcam_layer']} convolutional stage"


def _radiomics(own: Mapping) -> Iterator[str]:
    tuned = {
        "cross-validation": "by cross-validation in the training and validation parts, which both fitted it",
        "validation": "on the validation part; the training part fitted it",
    }[own["tuning"]]
    white_matter = (
        f"atlas map from {own['white_matter_share']:g}"
        if own["tissue_maps"] is None
        else f"the patient's own map from {own['white_matter_share']:g}"
    )
    yield (
        f"the radiomics baseline (Lee et al. 2020) measured infarcts of {own['min_infarct_ml']:g} mL or "
        f"more, with an ADC below {own['adc_share']:g} of the patient's normaliser and b1000 from "
        f"{own['dwi_sd']:g} SD over the mean of white matter ({white_matter}); FLAIR ratios under 0.45 "
        f"became {own['flair_ratio_below']:g}"
    )
    named = "" if own["classifier"] == "best" else f" the {own['classifier']}, with settings"
    yield f"its classifier was{named} chosen {tuned}"


def _join(clauses: Iterator[str]) -> str:
    return " ".join(f"{clause[0].upper()}{clause[1:]}." for clause in clauses)


def _rate(rate: float) -> str:
    return f"{rate:.10f}".rstrip("0")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
