"""What a run can say and what it cannot, in sentences, from its tables: the page opens with them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from strokeclock.evaluation.digits import format_digits
from strokeclock.evaluation.tables import FEWEST, name_target
from strokeclock.models.registry import find_network, networks
from strokeclock.training.phases import Task, read_tasks

Line = Mapping[str, str]  # of a CSV: column -> text
ALPHA = 0.05  # of Holm's p, above which chance can explain a difference


def list_findings(
    config: Mapping[str, Any],
    *,
    table2: Sequence[Line],
    comparisons: Iterable[Line],
    end_to_end: Iterable[Line],
    sample_size: Iterable[Line],
    has_external: bool,
) -> tuple[list[str], list[str]]:
    """List what the run can say, and what it cannot.

    Parameters
    ----------
    config : the checked configuration.
    table2, comparisons, end_to_end, sample_size : the lines of these tables, tables/<name>.csv.
    has_external : another hospital's patients were tested.
    """
    ran = [row for row in table2 if row["status"] == "ok"]
    if not ran:
        return [], ["No row of Table 2 was evaluated in this run."]
    tasks = read_tasks(config["training"])
    can = [*_compare_starts(tasks, comparisons), *_find_side(tasks, end_to_end)]
    cannot = [
        *_small(ran),
        *_too_alike(tasks, sample_size),
        *_seeds(config),
        *_seen_before(ran),
    ]
    if not has_external:
        cannot.append(
            "No other hospital’s patients were tested, so it says nothing about the model elsewhere."
        )
    if missing := len(table2) - len(ran):
        cannot.append(
            f"{missing} of {len(table2)} rows of Table 2 were not run; the table gives the reasons."
        )
    return can, cannot


def _small(ran: Sequence[Line]) -> Iterator[str]:
    fewest = min(min(int(row["positives"]), int(row["n"]) - int(row["positives"])) for row in ran)
    if fewest < FEWEST:
        yield (
            f"In some row a class has only {fewest} in the test part. Such a run shows that every step "
            "works; it cannot show which network is better."
        )


def _too_alike(tasks: Mapping[str, Task], sample_size: Iterable[Line]) -> Iterator[str]:
    """How near two AUCs of the last task can be before the test part cannot tell them apart."""
    target = name_target(max(tasks.values(), key=lambda task: task.number).below_min)
    for line in sample_size:
        if (line["target"], line["measure"]) == (target, "AUC") and line["least_difference"]:
            yield (
                f"{line['positives']} of {line['n']} test patients have {target}. If one row has an AUC of "
                f"{format_digits(line['assumed'])}, such numbers show with a power of 80% that another is "
                f"better only where it is better by {format_digits(line['least_difference'])} or more."
            )
            return


def _seeds(config: Mapping[str, Any]) -> Iterator[str]:
    if len(config["training"]["seeds"]) == 1:
        yield "Each network was trained once, so it cannot say how much another training would differ."


def _seen_before(ran: Iterable[Line]) -> Iterator[str]:
    if (most := max(int(row["accesses"] or 0) for row in ran)) > 1:
        yield (
            f"A row was evaluated {most} times on this test part. If an earlier result decided anything, "
            "the numbers are too good."
        )
    if any(row["threshold_source"].startswith("test") for row in ran):
        yield "A threshold was chosen on the test part itself, so its rates are too good."


def _compare_starts(tasks: Mapping[str, Task], comparisons: Iterable[Line]) -> Iterator[str]:
    """Whether the training in phases changed the AUC of the last task, for each network."""
    last = max(tasks.values(), key=lambda task: task.number)
    for line in comparisons:
        a, b = (line[side].split("/") for side in ("a", "b"))
        if len(a) != len(b) or a[:2] not in ([net, last.phase] for net in networks()):
            continue
        if a[0] != b[0] or not a[2].startswith("phase") or b[2] != "random" or not line["p_holm"]:
            continue
        difference, low, high = (_signed(line[name]) for name in ("difference", "low", "high"))
        doubt = "" if float(line["p_holm"]) < ALPHA else "; chance can explain this difference"
        yield (
            f"Training in phases changed the AUC of the {find_network(a[0]).title} network for "
            f"{name_target(last.below_min)} by {difference} ({low} to {high}), compared with random "
            f"weights{doubt}."
        )


def _find_side(tasks: Mapping[str, Task], end_to_end: Iterable[Line]) -> Iterator[str]:
    """How much is lost where the side is found and not given, for each network's last task."""
    last = max(tasks.values(), key=lambda task: task.number)
    for line in end_to_end:
        own = line["stage"] == last.phase and line["model"] in networks()
        if not own or (line["side"], line["patients"]) != ("found", "all") or not line["auc"]:
            continue
        answered, n = int(line["answered"] or 0), int(line["n"])
        if not answered:
            yield (
                f"With the lesion’s side found by the networks, the {find_network(line['model']).title} "
                f"network answers for none of {n} test patients."
            )
            continue
        yield (
            f"With the lesion’s side found by the networks, the AUC of the "
            f"{find_network(line['model']).title} network is {format_digits(line['auc'])}, and {answered} of "
            f"{n} test patients get an answer."
        )


def _signed(value: str) -> str:
    """Two digits with a sign.

    >>> [_signed(value) for value in ("0.054", "-0.2")]
    ['+.05', '−.20']
    """
    return ("−" if float(value) < 0 else "+") + format_digits(str(abs(float(value))))
