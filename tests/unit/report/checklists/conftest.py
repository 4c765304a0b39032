"""A made-up run's files asked for their answers."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from strokeclock.report.checklists.answer import Answer
from strokeclock.report.checklists.facts import Facts
from strokeclock.report.checklists.lists import ANSWERS

ROOT = Path(__file__).parents[4]
PNG = b"picture"
DOCS = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "config/README.md"]
PAGE = ROOT / "workflow/report/page.html"
LISTS = [ROOT / f"resources/checklists/{name}.yaml" for name in ("tripod_ai", "claim_2024", "stard_ai")]
TABLE2 = """\
stage,model,start,target,status,n,positives,auc,accesses
phase3_tss4h5,2d,random,TSS < 4.5 h,ok,24,11,0.612300,1
phase3_tss4h5,2d,medical,TSS < 4.5 h,ok,24,11,0.754300,2
phase3_tss4h5,2d,imagenet,TSS < 4.5 h,not run: set initial_weights.imagenet.file,,,,
readers,reader1,,TSS < 4.5 h,ok,24,11,,1
readers,majority,,TSS < 4.5 h,ok,24,11,,1
"""
GROUPS = """\
stage,model,start,variable,group,n,positives,auc,note
phase3_tss4h5,2d,random,all,all,24,11,0.61,
phase3_tss4h5,2d,random,age,< 70,12,5,0.6,
phase3_tss4h5,2d,random,sex,female,12,5,0.6,
phase3_tss4h5,2d,random,site,A,12,5,0.6,
phase3_tss4h5,2d,random,field strength,3 T,3,1,,too few
"""
# Tables whose content no answer reads.
TABLES = (
    *("table1", "accuracy", "calibration", "reliability", "decision_curve", "comparisons", "readers"),
    *("abstention", "end_to_end", "worst_errors", "interactions", "occlusion", "gradcam_overlap", "repeats"),
    *("search", "sample_size", "case_mix", "missing", "protocol", "flow", "ml_baseline"),
)
FIGURES = (
    "fig4",
    "fig5",
    "fig8",
    "fig9",
    "flow",
    "onset",
    "worst_errors",
    "training/2d-phase1_stroke-random",
)
NEEDED = ("cohort/cohort.tsv", "cohort/split.tsv", "cohort/exclusions.tsv")
EXTERNAL = ("external", "external_case_mix", "external_subgroups", "external_flow")
RECORD = """\
{"net": "2d", "phase": "phase1_stroke", "start": "random", "seed": 0, "channels": ["dwi"], "architecture": {},
 "participants": {}, "data": {}, "versions": {"torch": "9.9.9"}, "format": 3, "task": null, "parent": null,
 "view": null, "settings": null, "frozen": [], "epochs": 7, "best": {}, "strokeclock": "0.1.0"}
"""


class Asked:
    """A run of forty patients of two sites who have everything, and of all files that answers name.

    Patient k (1 to 40) came after 30·k minutes; patients 1 to 8 are below 4.5 h. Every fourth patient of the
    first thirty-six is in the test part, two after it in the validation part; the last four are external.
    """

    table2 = TABLE2

    def __init__(self, folder: Path):
        self.folder = folder
        self.config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
        self.config |= {"run": "made-up"}
        numbers = range(1, 41)
        cohort = pd.DataFrame(
            {
                "patient": [f"p{k:02d}" for k in numbers],
                "onset_to_mri_min": [30 * k for k in numbers],
                "lesion_side": "left",
                "age": 70,
                "sex": "F",
                "nihss": list(numbers),
                "site": ["A" if k % 2 else "B" for k in numbers],
            }
        )
        parts = ["external" if k > 36 else "test" if k % 4 == 0 else "train" for k in numbers]
        parts[1], parts[5], parts[9] = ["validation"] * 3
        split = pd.DataFrame({"patient": cohort["patient"], "part": parts})
        self.write_cohort(cohort, split)
        self.write(NEEDED[2], "patient\tstage\treason\ngone\tentry\tno FLAIR series\n")
        self.write(
            "cohort/protocol.tsv",
            "patient\tseries\tvendor\tfield_t\np01\tdwi\tSiemens\t3\np01\tflair\tSiemens\t3\n"
            "p02\tdwi\tGE\t1.5\np03\tdwi\tn/a\tn/a\n",
        )
        self.write("quality/quality.tsv", "patient\tverdict\np01\tpass\np02\treview\np03\tpass\n")
        self.write(
            "lesions/volumes.tsv",
            "patient\tvolume_ml\tsource\tnote\n"
            + "".join(f"p{k:02d}\t{k}\t{'mask' if k < 10 else 'automatic'}\t\n" for k in numbers),
        )
        self.write("tables/table2.csv", TABLE2)
        self.write("tables/subgroups.csv", GROUPS)
        self.write("tables/training.tsv", "net\tseconds\n2d\t5\n")
        for name in TABLES:
            self.write(f"tables/{name}.csv", "a,note\n1,\n")
        for name in FIGURES:
            self.write(f"figures/{name}.svg", "<svg/>")
        for name in (
            "2d/phase3_tss4h5/random",
            "clinical/phase3_tss4h5/covariates",
            "ratio/phase3_tss4h5/flair",
        ):
            self.write(f"predictions/{name}/seed-0.tsv", "patient\tscore\n")
        self.write("predictions/ml/phase4_attention/radiomics/seed-0.tsv", "patient\tscore\n")
        self.write("models/2d/phase1_stroke/random/seed-0/run.json", RECORD)
        self.write("bundle/model.zip", "zip")
        self.write("accesses.tsv", "run\n")
        for name in EXTERNAL:
            self.write(f"external/tables/{name}.csv", "a\n1\n")

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def write_cohort(self, cohort: pd.DataFrame, split: pd.DataFrame) -> None:
        self.write(NEEDED[0], cohort.to_csv(sep="\t", index=False))
        self.write(NEEDED[1], split.to_csv(sep="\t", index=False))

    def of_patients(self) -> "Asked":
        """The same run, of people instead of phantoms."""
        self.config["cohort"]["sheet"] = "cohort.tsv"
        return self

    @property
    def files(self) -> list[str]:
        return sorted(
            path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.*") if path.is_file()
        )

    def facts(self, *, without: tuple[str, ...] = (), statements: dict[str, str] | None = None) -> Facts:
        """The facts of the files but those whose names begin so."""
        return Facts(
            config=self.config,
            files={name: self.folder / name for name in self.files if not name.startswith(without)},
            statements=statements or {},
        )

    def answers(
        self, *, without: tuple[str, ...] = (), statements: dict[str, str] | None = None
    ) -> dict[str, Answer]:
        facts = self.facts(without=without, statements=statements)
        return {name: answer(facts) for name, answer in ANSWERS.items()}

    def bare(self) -> dict[str, Answer]:
        """The answers of a run that made nothing but its cohort."""
        return self.answers(without=tuple(name for name in self.files if name not in NEEDED))


@pytest.fixture
def asked(tmp_path):
    return Asked(tmp_path)


@pytest.fixture
def places():
    """What the places of answers are checked against."""
    return {"page_template": PAGE, "docs": DOCS}


@pytest.fixture
def lists():
    return LISTS
