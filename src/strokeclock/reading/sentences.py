"""What a reading says in words, the same on the page and in the picture for the PACS."""

from collections.abc import Mapping
from typing import NamedTuple

from strokeclock.evaluation.digits import format_digits
from strokeclock.figures.palette import BLACK, BLUE, GREEN, ORANGE, PALE, PURPLE, SKY, VERMILION
from strokeclock.reading.result import (
    ABSTAINED,
    ANSWERED,
    BOTH_SIDES,
    MISSING_SERIES,
    NO_LESION,
    QUALITY_FAIL,
    SIDE_UNCLEAR,
    UNLIKE_TRAINING,
    Answer,
    Reading,
    SimilarScores,
)

RESEARCH_ONLY = "Research use only. Not a medical device. Not for treatment decisions."
_ASK_SIDE = "--side left or --side right"
_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class Status(NamedTuple):
    """A status in words, what to do about it, and its colour."""

    word: str
    remedy: str
    colour: str


STATUSES: Mapping[str, Status] = {
    ANSWERED: Status("Answered", "", BLUE),
    ABSTAINED: Status(
        "Abstained: no time is given",
        "Take this as no information on the time since onset.",
        ORANGE,
    ),
    NO_LESION: Status(
        "No lesion found: no time is given",
        "This does not exclude an infarct: small and early ones are missed. Look at DWI and ADC. If they "
        f"show an acute infarct, read again with its side ({_ASK_SIDE}).",
        SKY,
    ),
    SIDE_UNCLEAR: Status(
        "Side of the lesion unclear: no time is given",
        f"The time of a healthy hemisphere would mean nothing. How to give the side: {_ASK_SIDE}.",
        PURPLE,
    ),
    BOTH_SIDES: Status(
        "Lesions on both sides: no time is given",
        f"They can differ in age. Choose the lesion that you ask about: {_ASK_SIDE}. Only if they began "
        "together, use --side both: it takes the mean of the two sides.",
        GREEN,
    ),
    UNLIKE_TRAINING: Status(
        "Unlike the training patients: no time is given",
        "What the model learned may not hold for these scans. Check that they are the right series. If they "
        "are, use a model that was trained on such scans.",
        BLACK,
    ),
    QUALITY_FAIL: Status(
        "Quality check failed: no time is given",
        "Look at the reason and at the pictures. Correct the input, or scan or export the series again, and "
        "read again.",
        VERMILION,
    ),
    MISSING_SERIES: Status(
        "A series is missing: no time is given",
        "Give the series that the reason names, and read again.",
        PALE,
    ),
}


def say_headline(reading: Reading) -> str:
    """The top line: the score of the first row with its seeds, or the status in words."""
    if reading.status != ANSWERED:
        return STATUSES[reading.status].word
    answer = reading.answers[0]
    return f"TSS < {name_hours(answer)}: {say_probability(answer.score)} ({say_seeds(answer)})"


def say_similar(answer: Answer) -> str:
    """What scores like this one meant in the validation part."""
    similar = answer.similar
    if similar is None:
        return "The validation part has patients of one class alone, so it cannot tell what this score means."
    plural = "" if similar.n == 1 else "s"
    lowest, highest = say_probability(similar.lowest), say_probability(similar.highest)
    return (
        f"In validation, of {similar.n} patient{plural} with such scores ({lowest} to {highest}), "
        f"{say_share(similar)} were under {name_hours(answer)}."
    )


def say_call(answer: Answer) -> str:
    """On which side of the threshold the score lies; "" without a threshold."""
    if answer.threshold is None or answer.is_shorter is None:
        return ""
    threshold, hours = format_digits(f"{answer.threshold}"), name_hours(answer)
    if answer.is_shorter:
        return f"The score reaches the threshold of {threshold}: called under {hours}."
    return f"The score is below the threshold of {threshold}: called {hours} or longer."


def say_limits(reading: Reading) -> tuple[str, str]:
    """Where the model is from, and when it is wrong."""
    cohort = reading.model.get("cohort") or "a cohort that the model does not name"
    return (
        f"Trained on {cohort}; not validated here.",
        "Wrong if the patient has a stroke mimic, a haemorrhage or an old infarct: the model was not trained "
        "to tell them from an acute infarct.",
    )


def say_seeds(answer: Answer) -> str:
    """The range of the seeds' scores: "five seeds .66 to .79"."""
    count = len(answer.scores)
    if count == 1:
        return "one seed"
    number = _COUNTS[count] if count < len(_COUNTS) else f"{count}"
    return f"{number} seeds {say_probability(min(answer.scores))} to {say_probability(max(answer.scores))}"


def say_share(similar: SimilarScores) -> str:
    """A share with its interval: "77 % (57 to 90 %)"."""
    share, low, high = (f"{100 * value:.0f}" for value in (similar.share, similar.low, similar.high))
    return f"{share} % ({low} to {high} %)"


def say_probability(value: float) -> str:
    """Two digits; never certainty.

    >>> [say_probability(value) for value in (0.734, 0.999, 0.001)]
    ['.73', '> .99', '< .01']
    """
    if value >= 0.995:
        return "> .99"
    if value < 0.005:
        return "< .01"
    return format_digits(f"{value}")


def end_sentence(sentence: str) -> str:
    """The sentence with its full stop; "" of ""."""
    return f"{sentence}." if sentence and sentence[-1] not in ".?!" else sentence


def name_hours(answer: Answer) -> str:
    """The limit of the task: "4.5 h"."""
    return f"{answer.below_min / 60:g} h"
