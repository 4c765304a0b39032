"""The page to read: everything that a run made, and how, in one file without links to the web or scripts."""

import csv
import platform
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined

from strokeclock import __version__, provenance
from strokeclock.cohort.people import People, count_people
from strokeclock.cohort.verdicts import VERDICTS
from strokeclock.evaluation.digits import format_digits
from strokeclock.evaluation.tables import name_target
from strokeclock.figures.rows import title_of
from strokeclock.figures.style import BLUE, INK, VERMILION
from strokeclock.files import write_whole
from strokeclock.models.registry import find_network, networks
from strokeclock.predictions import SEGMENTED
from strokeclock.report.findings import list_findings
from strokeclock.report.folders import hide_folders
from strokeclock.report.methods import describe_methods
from strokeclock.report.pictures import embed_picture, measure_picture, render_caption
from strokeclock.report.tables import read_table, shorten
from strokeclock.report.words import name_phase, name_start
from strokeclock.training.phases import Task, read_tasks
from strokeclock.training.record import TrainingRecord, read_record

CONTENTS = {
    "summary": "What this run shows",
    "results": "Results",
    "patients": "Patients",
    "images": "Images",
    "methods": "Methods",
    "training": "Training",
    "accuracy": "Accuracy in detail",
    "found": "With the side found",
    "groups": "Groups of patients",
    "splits": "Repeated splits",
    "where": "Maps and errors",
    "checklists": "Reporting check-lists",
    "accesses": "Test-set accesses",
    "provenance": "Provenance",
}
CHECKLISTS = "checklists.html"
# Where a caption of `snakemake --report` has another name than its picture or table.
CAPTIONS = {"fig3": "preprocessed", "fig9": "gradcam", "reliability": "calibration"}
CAPTIONS |= dict.fromkeys(("fig6", "fig7", "fig8"), "roc")


def write_page(
    page: str | Path,
    made: Iterable[str | Path],
    *,
    config: Mapping[str, Any],
    template: str | Path,
    captions: Iterable[str | Path],
    not_run: Collection[tuple[str, str]] = (),
) -> None:
    """Write the page, whole or not at all; it lists what was not made.

    Parameters
    ----------
    page : path
        index.html of the run's folder.
    made : iterable of paths
        What the run made, in the page's folder. Needed are cohort/{cohort,split,exclusions}.tsv; shown are
        tables/*.{csv,tsv} (as tables/*.html where typeset), figures/**.{svg,png}, quality/quality.tsv,
        accesses.tsv and models/**/run.json; digested are predictions/**.tsv too.
    config : mapping
        The checked configuration.
    template : path
        workflow/report/page.html.
    captions : iterable of paths
        The captions of ``snakemake --report``, <name>.rst.
    not_run : of (network, start)
        The configured starts without initial weights.
    """
    folder = Path(page).parent
    run = _Run({str(Path(path).relative_to(folder)): Path(path) for path in made})
    texts = {Path(path).stem: Path(path).read_text(encoding="utf-8") for path in captions}
    tasks = read_tasks(config["training"])
    people = count_people(
        run.files["cohort/cohort.tsv"],
        run.files["cohort/split.tsv"],
        exclusions=run.files["cohort/exclusions.tsv"],
        below_min=tuple(sorted({task.below_min for task in tasks.values() if task.below_min})),
    )
    records = [read_record(path) for path in sorted(run.find("models/", ".json"))]
    table2 = run.lines("tables/table2.csv")
    pictures, tables = _picture_all(run, texts), _tables(run, texts)
    can, cannot = list_findings(
        config,
        table2=table2,
        comparisons=run.lines("tables/comparisons.csv"),
        end_to_end=run.lines("tables/end_to_end.csv"),
        sample_size=run.lines("tables/sample_size.csv"),
        has_external=bool(config["split"]["external"]),
    )
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    text = environment.from_string(Path(template).read_text(encoding="utf-8")).render(
        ink=INK,
        accent=BLUE,
        warn=VERMILION,
        run=config["run"],
        version=__version__,
        synthetic=not config["cohort"]["sheet"],
        contents={key: title for key, title in CONTENTS.items() if key != "splits" or "repeats" in tables},
        tiles=[*_tiles(table2, people, tasks)],
        can=can,
        cannot=cannot,
        methods=describe_methods(config, people=people, not_run=not_run),
        exclusions=[
            [line["patient"], line["stage"], hide_folders(line["reason"])]
            for line in run.lines("cohort/exclusions.tsv")
        ],
        quality=_quality(run.lines("quality/quality.tsv")),
        trainings=_trainings(records, tasks),
        curves={name: _title_curve(name, tasks) for name in pictures if name.startswith("training/")},
        pictures=pictures,
        tables=tables,
        to_print=CHECKLISTS if CHECKLISTS in run.files else "",
        ledger=_ledger(run, texts),
        provenance=[*_provenance(config)],
        software=[*_software(records)],
        digests=[*_digests(run, records)],
        configuration=yaml.safe_dump(_name_files(dict(config)), sort_keys=False, allow_unicode=True),
    )
    write_whole(page, re.sub(r"\n\s*\n+", "\n", text))


@dataclass(frozen=True)
class _Run:
    """What a run made: path in its folder -> path."""

    files: Mapping[str, Path]

    def find(self, folder: str, *suffixes: str) -> list[Path]:
        return [
            path for name, path in self.files.items() if name.startswith(folder) and path.suffix in suffixes
        ]

    def lines(self, name: str) -> list[dict[str, str]]:
        if name not in self.files:
            return []
        with open(self.files[name], newline="", encoding="utf-8") as file:
            return [*csv.DictReader(file, delimiter="\t" if name.endswith(".tsv") else ",")]


def _picture_all(run: _Run, texts: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Name in figures/, without suffix -> the picture and its caption."""
    paths: dict[str, list[Path]] = {}
    for name, path in run.files.items():
        if name.startswith("figures/"):
            paths.setdefault(name.removeprefix("figures/").removesuffix(path.suffix), []).append(path)
    return {
        name: {
            "uri": embed_picture(alternatives),
            "width": measure_picture(alternatives),
            "caption": _caption(name, texts) if "/" not in name else "",
        }
        for name, alternatives in paths.items()
    }


def _caption(name: str, texts: Mapping[str, str]) -> str:
    source = texts.get(CAPTIONS.get(name, name), "")
    caption = render_caption(source, {"figure": name})
    return caption.removeprefix(f"{name}. ")


def _tables(run: _Run, texts: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Name in tables/ -> the fields of `read_table`, the table as typeset, its caption."""
    tables = {}
    for path in run.find("tables/", ".csv", ".tsv"):
        typeset = run.files.get(f"tables/{path.stem}.html")
        tables[path.stem] = vars(read_table(path)) | {
            "typeset": _take_typeset(typeset) if typeset else "",
            "caption": "" if path.stem in _pictured(run) else _caption(path.stem, texts),
        }
    return tables


def _pictured(run: _Run) -> set[str]:
    """Names of pictures, whose caption stands below them."""
    return {path.stem for path in run.find("figures/", ".svg", ".png")} | set(CAPTIONS)


def _take_typeset(path: Path) -> str:
    """The part of a typeset table that can stand in another page: all from its last style."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r">[^<]+<", lambda words: hide_folders(words[0]), text[text.rindex("<style>") :])


def _tiles(
    table2: Sequence[Mapping[str, str]], people: People, tasks: Mapping[str, Task]
) -> Iterator[dict[str, str]]:
    train, validation, test = people.parts.values()
    yield {
        "what": "Patients",
        "value": f"{train + validation + test}",
        "more": f"{train} training, {validation} validation, {test} test; "
        f"{sum(people.excluded.values())} excluded",
    }
    last = max(tasks.values(), key=lambda task: task.number)
    own = [row for row in table2 if row["stage"] == last.phase and row["model"] in networks()]
    was_run = {row["model"] for row in own if row["status"] == "ok"}
    for row in own:
        # the paper's networks have rows where others alone were run, too
        if row["model"] in was_run or not was_run:
            title = find_network(row["model"]).long_title
            yield _tile_row(row, f"{title}, {name_target(last.below_min)}: AUC", "auc")
    same = [
        row for row in table2 if row.get("target") == name_target(last.below_min) and row["status"] == "ok"
    ]
    for row in same:
        if row["model"] == SEGMENTED:
            title = title_of(row["model"], row["start"])
            yield _tile_row(row, f"{title[0].upper()}{title[1:]}: AUC", "auc")
    for row in same:
        if (row["model"], row["start"]) == ("ratio", "flair"):
            yield _tile_row(row, f"{title_of(row['model'], row['start'])} (no network): AUC", "auc")
    for row in table2:
        if row["model"] == "majority":
            yield _tile_row(row, "Readers’ majority: accuracy", "accuracy")
    if accesses := [int(row["accesses"]) for row in table2 if row.get("accesses")]:
        yield {
            "what": "Test-set accesses",
            "value": str(max(accesses)),
            "more": "the most of any row of Table 2",
        }


def _tile_row(row: Mapping[str, str], what: str, rate: str) -> dict[str, str]:
    if row["status"] != "ok":
        return {"what": what, "value": "–", "more": hide_folders(row["status"])}
    value, low, high = (format_digits(row[f"{rate}{end}"]) for end in ("", "_low", "_high"))
    interval = f"{low} to {high}" if low and high else "no interval"
    paper = format_digits(row[f"paper_{rate}"])
    beside = f"; the paper’s {paper}" if paper else ""
    return {"what": what, "value": value or "–", "more": f"{interval}; {row['n']} {row['unit']}s{beside}"}


def _quality(lines: list[dict[str, str]]) -> dict[str, Any] | None:
    if not lines:
        return None
    counts = Counter(line["verdict"] for line in lines)
    remarks = [
        [line["patient"], line["verdict"], hide_folders(line["reason"]), line["judged_by"]]
        for line in lines
        if line["verdict"] != VERDICTS[0]
    ]
    return {"counts": {verdict: counts[verdict] for verdict in VERDICTS}, "remarks": remarks}


def _trainings(records: list[TrainingRecord], tasks: Mapping[str, Task]) -> dict[str, Any]:
    best = {"validation_auc": "Validation AUC", "validation_loss": "Validation loss"}
    return {
        "titles": ["Network", "Phase", "From", "Seed", "Epochs", "Kept", *best.values()],
        "rows": [
            [
                find_network(record.net).title,
                name_phase(record.phase, tasks) + (f", without fold {record.fold}" if record.fold else ""),
                name_start(record.start),
                record.seed,
                record.epochs,
                record.kept["epoch"],
                *(shorten(str(record.kept[key])) if key in record.kept else "–" for key in best),
            ]
            for record in records
        ],
        "numeric": [False, False, False, True, True, True, True, True],
    }


def _title_curve(name: str, tasks: Mapping[str, Task]) -> str:
    net, phase, start = name.removeprefix("training/").split("-")
    return f"{find_network(net).title}, {name_phase(phase, tasks)}, from {name_start(start)}"


def _ledger(run: _Run, texts: Mapping[str, str]) -> dict[str, Any] | None:
    lines = run.lines("accesses.tsv")
    if not lines:
        return None
    rows = Counter((line["stage"], line["model"], line["start"]) for line in lines)
    again, most = sum(number > 1 for number in rows.values()), max(rows.values())
    often = f"{again} of them more than once, none more than {most} times" if again else "each once"
    table = read_table(run.files["accesses.tsv"])
    return {
        "sentence": f"{len(rows)} rows were evaluated on this test part, {often}.",
        "caption": _caption("ledger", texts),
        "titles": table.titles,
        "rows": table.rows,
        "numeric": table.numeric,
    }


def _name_files(value: Any) -> Any:
    """A part of the configuration in which each path, relative ones too, is the file's name alone."""
    if isinstance(value, Mapping):
        return {
            key: {patient: hide_folders(reason) for patient, reason in inner.items()}
            if key == "exclude"
            else _name_files(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_name_files(inner) for inner in value]
    return Path(value).name if isinstance(value, str) else value


def _provenance(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "strokeclock", __version__
    yield "code (sha256, first 16 digits)", provenance.digest_library()
    yield "configuration (sha256)", provenance.digest_settings(config)
    yield "Python", platform.python_version()
    if config["cohort"]["sheet"]:
        yield "cohort sheet", Path(config["cohort"]["sheet"]).name
    else:
        yield "seed of the synthetic patients", str(config["phantom"]["seed"])
    yield "split", (config["split"]["file"] and "given") or f"seed {config['split']['seed']}"
    yield "seeds of the trainings", ", ".join(map(str, config["training"]["seeds"]))


def _software(records: Iterable[TrainingRecord]) -> Iterator[tuple[str, str, str]]:
    recorded: dict[str, set[str]] = {}
    for record in records:
        for package, version in record.versions.items():
            recorded.setdefault(package.replace("_", "-"), set()).add(version)
    for package, version in provenance.list_versions().items():
        yield package, version, ", ".join(sorted(recorded.get(package, ()))) or "–"


def _digests(run: _Run, records: Iterable[TrainingRecord]) -> Iterator[tuple[str, str]]:
    for name in ("cohort/split.tsv", "hemispheres/reference.npz"):
        if name in run.files:
            yield name, provenance.digest_file(run.files[name])
    for record in records:
        place = f"{record.net}/{record.phase}/{record.start}/seed-{record.seed}"
        fold = f"/fold-{record.fold}" if record.fold else ""
        yield f"models/{place}{fold}/model.pt", record.model_sha256 or "–"
    for name, path in run.files.items():
        if name.startswith("predictions/"):
            yield name, provenance.digest_file(path)
