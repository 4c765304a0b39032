"""What only the authors of a study can say of it: the file that `report.statements` names.

Standard library and YAML alone, since the settings read the file, too, on the machine that runs Snakemake.
"""

import difflib
from pathlib import Path
from types import MappingProxyType

import yaml

from strokeclock.errors import ConfigurationError

# Key of the file -> what its text says.
STATEMENTS = MappingProxyType(
    {
        "title": "the title of the report",
        "abstract": "the abstract, or where it stands",
        "background": "why the study was needed, and which models there were before",
        "intended_use": "for which patients, at which point of their care and for whose use the model is "
        "meant",
        "health_inequalities": "which unequal care or outcomes between groups of people are known",
        "objectives": "the aims of the study, and its hypotheses if it had any",
        "study_design": "whether the data were collected for the study (prospective) or before it "
        "(retrospective)",
        "data_source": "where the data come from, why these were taken, and whom they represent",
        "dates": "the first and the last date of inclusion",
        "setting": "kind, number and place of the centres",
        "eligibility": "the criteria of inclusion and exclusion before a patient was put into the cohort "
        "sheet",
        "recruitment": "how those who might be eligible were found",
        "sampling": "whether patients are a consecutive, a random or a convenience series",
        "treatments": "treatments between onset and MRI, and how they were handled",
        "devices": "the models of the scanners",
        "deidentification": "how the data were de-identified, and by which law",
        "reference_standard": "how and by whom the time of onset was established, and whether alike for "
        "everyone",
        "outcome_blinding": "what those who established the onset knew of the images and of the model's "
        "answers",
        "annotators": "who told the lesion's side and drew lesions: number, training, experience, "
        "instructions",
        "annotation": "how the test part's sides and lesions were marked, with which program and version",
        "annotation_variability": "how much those who marked lesions differ, and how differences were "
        "settled",
        "readers": "who read the mismatch: number, experience, and what they knew of the patients",
        "sample_size": "how the number of patients was determined, and why it is sufficient",
        "representativeness": "whether short times are as common here as where the model is to be used",
        "adverse_events": "harm by the MRI, or that there was none",
        "ethics": "the ethics committee with its approval, and the consent of patients or its waiver",
        "funding": "who paid, and the funders' part in the study",
        "conflicts": "interests of all authors, commercial ones too, or that there are none",
        "protocol": "where the protocol can be read, or that there is none",
        "registration": "the register and the number, or that the study is not registered",
        "data_availability": "whether and how others can have the data",
        "code_availability": "where the code can be had, and on which terms",
        "patient_involvement": "the part of patients and the public in the study, or that they had none",
        "users": "who is to use the model, and what they must be able to do",
        "interpretation": "what the results mean beside the aims and other studies, for fairness too",
        "limitations": "the weak points of the study, and what they do to its results",
        "implications": "what follows for practice",
        "ethical_considerations": "the questions of ethics and fairness in using the model",
        "next_steps": "what should be studied next",
    }
)


def read_statements(path: str | Path | None) -> dict[str, str]:
    """Read the authors' statements: key -> text on one line. Keys without a text are left out.

    Parameters
    ----------
    path : a YAML file with some keys of `STATEMENTS`; None: there are no statements.

    Raises
    ------
    ConfigurationError
        The file is not YAML, has an unknown key, or a value that is no text. A sentence for each fault.
    """
    if path is None:
        return {}
    try:
        given = yaml.safe_load(Path(path).read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        where = getattr(error, "problem_mark", None)
        place = f" (line {where.line + 1})" if where else ""
        raise ConfigurationError(
            f"The file of report.statements, {Path(path).name}, is not YAML in UTF-8{place}: write lines "
            "such as funding: 'none'."
        ) from None
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise ConfigurationError(
            f"The file of report.statements, {Path(path).name}, holds no keys: write lines such as "
            "funding: 'none'."
        )
    if faults := [fault for key, text in given.items() if (fault := _find_fault(key, text))]:
        raise ConfigurationError("\n".join(faults))
    return {key: " ".join(text.split()) for key, text in given.items() if text and text.strip()}


def _find_fault(key: object, text: object) -> str:
    """Say what is wrong with a line; "" where nothing is."""
    if key not in STATEMENTS:
        near = difflib.get_close_matches(str(key), STATEMENTS, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"use some of {', '.join(STATEMENTS)}."
        return f"The file of report.statements has the unknown key {key}: {remedy}"
    if text is not None and not isinstance(text, str):
        return f"The file of report.statements: {key} is {text!r}, which is no text: write it in quotes."
    return ""
