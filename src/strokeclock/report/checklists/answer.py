"""One answer to an item of a check-list: a state, a sentence, and where its facts stand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from strokeclock.statements import STATEMENTS

RUN, DOCUMENTATION, AUTHORS = "run", "documentation", "authors"
IN_PART, DOES_NOT_APPLY, NOT_DONE = "in part", "does not apply", "not done"
# Who answers, or why nobody does.
STATES = {
    RUN: "answered by the run",
    DOCUMENTATION: "answered by the documentation of the software",
    AUTHORS: "answered by the authors' statements",
    IN_PART: "answered in part; the answer says what is missing",
    DOES_NOT_APPLY: "the question does not arise in this run",
    NOT_DONE: "not done, or not written by the authors yet",
}


@dataclass(frozen=True)
class Answer:
    """What a run says to one item.

    Attributes
    ----------
    state : one of `STATES`.
    text : sentences.
    where : files of the run's folder, sections of its page (index.html#methods), files of the documentation
        (docs/methods/evaluation.md#what-is-fitted).
    """

    state: str
    text: str
    where: tuple[str, ...] = ()


def by_run(text: str, *where: str) -> Answer:
    """An answer from the run's own files."""
    return Answer(RUN, text, where)


def by_documentation(text: str, *where: str) -> Answer:
    """An answer that holds for every run of this software."""
    return Answer(DOCUMENTATION, text, where)


def in_part(text: str, *where: str) -> Answer:
    """An answer whose text says what is missing."""
    return Answer(IN_PART, text, where)


def does_not_apply(reason: str, *where: str) -> Answer:
    """There is nothing to answer, and why."""
    return Answer(DOES_NOT_APPLY, reason, where)


def not_done(reason: str, *where: str) -> Answer:
    """The run did not do it, and why."""
    return Answer(NOT_DONE, reason, where)


def by_authors(key: str, statements: Mapping[str, str]) -> Answer:
    """The authors' statement, or that it is not written yet; ``key`` is one of `STATEMENTS`."""
    if key in statements:
        return Answer(AUTHORS, end_sentence(statements[key]))
    return not_done(f"The authors must write {_what(key)}.")


def with_authors(answer: Answer, key: str, statements: Mapping[str, str]) -> Answer:
    """The answer with the authors' statement behind it; without the statement, it answers in part."""
    if key in statements:
        return replace(answer, text=f"{answer.text} The authors: {end_sentence(statements[key])}")
    return replace(answer, state=IN_PART, text=f"{answer.text} The authors must add {_what(key)}.")


def _what(key: str) -> str:
    return f"{STATEMENTS[key]} (report.statements, key {key})"


def end_sentence(text: str) -> str:
    """The text, ended by a full stop if it has no end."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def count(number: int, noun: str) -> str:
    """A number and its noun.

    >>> count(1, "patient"), count(1200, "patient")
    ('1 patient', '1,200 patients')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def enumerate_words(words: Iterable[object], *, last: str = "and") -> str:
    """Words as a list in a sentence; "" of none.

    >>> enumerate_words(["a", "b", "c"])
    'a, b and c'
    """
    *most, end = (*map(str, words),) or ("",)
    return f"{', '.join(most)} {last} {end}" if most else end
