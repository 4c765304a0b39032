"""Jobs run this checkout's code, whatever other strokeclock Python would find first."""


def test_scripts_import_the_checkouts_package(tmp_path, snakemake, monkeypatch):
    other = tmp_path / "other" / "strokeclock"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("raise ImportError('another strokeclock')\n")
    monkeypatch.setenv("PYTHONPATH", str(other.parent))
    config = {"run": "own", "phantom": {"patients": 5, "space": "template"}, "split": {"counts": None}}
    grid = {"preprocessing": {"grid": [32, 32, 8]}}
    process = snakemake("results/own/batches/phantom_registered/b.tsv", "--quiet", config=config | grid)
    assert process.returncode == 0, process.stdout
