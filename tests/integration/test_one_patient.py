"""A patient who is preprocessed in one call has the bytes that the workflow's rules write."""

from pathlib import Path

import pytest
import yaml
from with_fsl import needs_fsl

from strokeclock.batches import read_batches
from strokeclock.imaging.chain import preprocess
from strokeclock.toolchain import name_outputs, registers_dwi

pytestmark = [pytest.mark.integration, pytest.mark.slow]
CHANGE = {"grid": [64, 64, 16]}


@pytest.mark.parametrize(
    ("toolchain", "dwi_transform"),
    [
        ("open", "t2w"),
        ("open", "register"),
        pytest.param("fsl", "register", marks=[pytest.mark.fsl, needs_fsl]),
    ],
)
def test_one_call_writes_what_the_rules_write(
    tmp_path, root, run_snakemake, monkeypatch, toolchain, dwi_transform
):
    change = CHANGE | {"toolchain": toolchain, "dwi_transform": dwi_transform}
    table = "results/one/batches/preprocess/b.tsv"
    done = run_snakemake(
        tmp_path,
        table,
        config={"run": "one", "phantom": {"patients": 1}, "split": {"counts": None}, "preprocessing": change},
    )
    assert done.returncode == 0, done.stdout

    monkeypatch.chdir(tmp_path)
    by_rules = read_batches(table)["phantom-0001"]
    config = yaml.safe_load((root / "config/config.yaml").read_text())
    preprocessing = config["preprocessing"] | change
    outputs = name_outputs(
        config["models"]["channels"], register_dwi=registers_dwi(preprocessing), folder="one call"
    )
    preprocess(
        {name: f"results/one/phantom/phantom-0001/{name}.nii.gz" for name in ("t2w", "dwi", "flair")},
        patient="phantom-0001",
        b_value=1000.0,
        head="auto",
        atlas_files={file.name.partition(".")[0]: file for file in Path("results/one/atlas").iterdir()},
        preprocessing=preprocessing,
        outputs=outputs,
    )
    assert outputs.keys() == by_rules.keys()
    for name, file in outputs.items():
        assert Path(file).read_bytes() == Path(by_rules[name]).read_bytes(), name
    assert {file for file in Path("one call").rglob("*") if file.is_file()} == {*map(Path, outputs.values())}
