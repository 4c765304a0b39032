"""A made-up run's files, few and small, and the configuration that they could have come from."""

import base64
import csv
from pathlib import Path

import pandas as pd
import pytest
import yaml

from strokeclock.evaluation.ledger import record_accesses, write_lines
from strokeclock.evaluation.table2 import COLUMNS
from strokeclock.figures.printed_tables import set_table1, set_table2
from strokeclock.figures.typeset import print_table
from strokeclock.report.page import write_page
from strokeclock.training.record import TrainingRecord, write_record

ROOT = Path(__file__).parents[3]
REPORT = ROOT / "workflow/report"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="50pt"><title>{name}</title></svg>'
FIGURES = (
    *(f"fig{number}" for number in range(1, 10)),
    *("calibration", "decision_curve", "abstention", "subgroups", "genesis_examples", "flow", "case_mix"),
    *("onset", "end_to_end", "worst_errors", "repeats"),
    *("training/2d-phase2_tss3h-random", "training/3d-phase0_genesis-random"),
)
CSVS = {
    "ml_baseline": "section,part,patients,n\nusable regions,train,9,4\n",
    "gradcam_overlap": "stage,model,start,n,inside,inside_low,inside_high,note\n"
    "phase4_attention,2d,phase3,3,0.31,0.1,0.62,\nphase4_attention,3d,phase3,1,,,,too few\n",
    "occlusion": "stage,model,start,auc_before,auc_after\nphase4_attention,2d,phase3,0.8,0.5\n",
    "comparisons": "target,a,b,n,difference,low,high,p,p_holm\n"
    "TSS < 4.5 h,2d/phase3_tss4h5/random,readers/reader1,4,-0.25,-0.5,0,0.5,1\n",
    "calibration": "stage,model,start,brier\nphase3_tss4h5,2d,random,0.2\n",
    "reliability": "stage,model,start,bin\nphase3_tss4h5,2d,random,1\n",
    "decision_curve": "target,stage,model,start,threshold\n"
    + "".join(f"TSS < 3 h,strategy,treat all,,{number / 1000}\n" for number in range(1, 251)),
    "abstention": "stage,model,start,coverage\nphase3_tss4h5,2d,random,0.9\n",
    "sides": "networks,lesion,n,told,told_wrong\n2d/phase1_stroke/random,one side,20,18,1\n",
    "subgroups": "stage,model,start,group\nphase3_tss4h5,2d,random,all\n",
    "interactions": "stage,model,start,variable,p\nphase3_tss4h5,2d,random,sex,0.4\n",
    "accuracy": "stage,model,start,ppv,npv\nphase3_tss4h5,2d,random,0.7,0.8\n",
    "wanted_rates": "stage,model,start,rate,wanted\nphase3_tss4h5,2d,random,specificity,0.9\n",
    "sample_size": "target,measure,n,positives,assumed,least_difference\nTSS < 4.5 h,AUC,4,2,0.75,0.2\n",
    "readers": "reader,n,note\nreader1,4,no calls with the model\n",
    "end_to_end": "stage,model,start,side,patients,n,answered,auc\n"
    "phase4_attention,2d,phase3,found,all,4,3,0.7\n",
    "flow": "step,n\nentered,20\n",
    "case_mix": "variable,train,test\nage,71,70\n",
    "protocol": "series,vendor,n\ndwi,SIEMENS,20\n",
    "missing": "variable,train\nnihss,2\n",
    "search": "settings,validation_auc\nlr 0.001,0.7\n",
    "worst_errors": "patient,score\nb14,0.9\n",
    "repeats": "stage,model,start,splits,auc\nphase3_tss4h5,2d,random,5,0.8\n",
    "repeats_differences": "a,b,difference\n2d/phase3_tss4h5/phase2,2d/phase3_tss4h5/random,0.1\n",
    "repeats_splits": "split,stage,model,start,auc\n2021,phase3_tss4h5,2d,random,0.8\n",
    "checklists": "list,item,state\nTRIPOD+AI,1,not done\n",
}
RAN = {
    **{"stage": "phase4_attention", "model": "2d", "start": "phase3", "target": "TSS < 4.5 h"},
    **{"recipe": "paper", "status": "ok", "unit": "patient", "n": "4", "positives": "2"},
    **{"tp": "2", "fn": "0", "tn": "1", "fp": "1", "seeds": "1", "accesses": "1"},
    **{"sensitivity": "1", "specificity": "0.5", "accuracy": "0.75"},
    **{"auc": "0.812300", "auc_low": "0.654300", "auc_high": "0.976500", "paper_auc": "0.7400"},
    **{"threshold": "0.5", "threshold_source": "validation"},
}
UNRUN = {
    **{"stage": "phase3_tss4h5", "model": "2d", "start": "imagenet", "target": "TSS < 4.5 h"},
    "status": "not run: set initial_weights.imagenet.file",
}
READERS = {
    **{"stage": "readers", "model": "majority", "target": "TSS < 4.5 h", "status": "ok"},
    **{"unit": "patient", "n": "4", "positives": "2", "tp": "1", "fn": "1", "tn": "2", "fp": "0"},
    **{"accuracy": "0.75", "accuracy_low": "0.3", "accuracy_high": "0.95", "accesses": "1"},
}
DIGESTS = {"configuration": "00c0ffee00c0ffee", "predictions": "11c0ffee11c0ffee"}


class MadeUpRun:
    """Twenty patients, one of them excluded, one excluded at entry; rows of Table 2 to write with."""

    ran, unrun, readers = RAN, UNRUN, READERS

    def __init__(self, root: Path):
        self.folder = root / "hidden-folder/results/made-up"
        self.config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
        self.config |= {"run": "made-up"}
        self.write_cohort()
        self.write_tables()
        for name in FIGURES:
            self.write(f"figures/{name}.svg", SVG.format(name=name, width=400))
            self.write(f"figures/{name}.png", PNG)
        self.write("figures/phantom.png", PNG)
        self.write(
            "quality/quality.tsv",
            "patient\tverdict\treason\tjudged_by\nb00\tpass\t\tchecks\nb01\treview\ttilted head\tchecks\n",
        )
        self.write("hemispheres/reference.npz", b"reference")
        self.write("predictions/2d/phase3_tss4h5/random/seed-0.tsv", "patient\tscore\nb00\t0.5\n")
        record = TrainingRecord(
            **{"net": "2d", "phase": "phase2_tss3h", "start": "random", "seed": 0, "channels": ("flair",)},
            **{"architecture": {}, "participants": {}, "data": {}, "versions": {"torch": "9.9.9"}},
            epochs=7,
            best={"epoch": 5, "validation_auc": 0.71828, "validation_loss": 0.5},
            model_sha256="ab" * 32,
        )
        write_record(self.folder / "models/2d/phase2_tss3h/random/seed-0/run.json", record)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def write_cohort(self, reason: str = "no FLAIR series", stage: str = "entry") -> None:
        """b00 … b19 enter and b18 is excluded later; one excluded at entry is in the exclusions alone."""
        patients = [f"b{number:02d}" for number in range(20)]
        cohort = pd.DataFrame({"patient": patients})
        cohort["onset_to_mri_min"] = [60 + 20 * number for number in range(20)]
        cohort["lesion_side"] = "left"
        cohort.loc[19, "lesion_side"] = None
        parts = ["train"] * 10 + ["validation"] * 4 + ["test"] * 4
        split = pd.DataFrame({"patient": patients[:18], "part": parts})
        for name, table in (("cohort", cohort), ("split", split)):
            self.write(f"cohort/{name}.tsv", table.to_csv(sep="\t", index=False))
        left = f"patient\tstage\treason\nb18\tquality\tthe mask is torn\ngone\t{stage}\t{reason}\n"
        self.write("cohort/exclusions.tsv", left)

    def write_tables(self, *table2: dict[str, str]) -> None:
        for name, text in CSVS.items():
            self.write(f"tables/{name}.csv", text)
        self.write("tables/training.tsv", "network\tphase\tseconds\n2d\tphase2_tss3h\t60\n")
        path = self.write("tables/table1.csv", 'characteristic,training,test,all\n"Patients, n",14,4,18\n')
        print_table(set_table1(path), path.with_suffix(".html"))
        path = self.folder / "tables/table2.csv"
        rows = [dict.fromkeys(COLUMNS, "") | row for row in table2 or (RAN, UNRUN, READERS)]
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        print_table(set_table2(path, confidence=0.95), path.with_suffix(".html"))
        self.access(*(row | DIGESTS for row in rows if row["status"] == "ok"))

    def access(self, *rows: dict[str, str]) -> None:
        ledger = self.folder.parent / "ledger.tsv"
        split = self.folder / "cohort/split.tsv"
        write_lines(self.folder / "accesses.tsv", record_accesses(ledger, rows, run="made-up", split=split))

    def page(self, *, without: tuple[str, ...] = (), captions: Path = REPORT) -> str:
        """Write the page from all files but those whose names begin so; return its text."""
        names = {path: str(path.relative_to(self.folder)) for path in sorted(self.folder.rglob("*.*"))}
        write_page(
            self.folder / "index.html",
            [path for path, name in names.items() if not name.startswith((*without, "index"))],
            config=self.config,
            template=REPORT / "page.html",
            captions=sorted(captions.glob("*.rst")),
            not_run=[("2d", "imagenet")],
        )
        return (self.folder / "index.html").read_text()


@pytest.fixture
def run(tmp_path):
    return MadeUpRun(tmp_path)
