"""Divide the included patients into training, validation and test, or check the split that is given.

Input: cohort, exclusions, file (optional). Output: split (TSV).
Settings: split.
"""

from strokeclock.cohort.parts import read_exclusions
from strokeclock.cohort.split import check_split, make_split, read_cohort, write_split
from strokeclock.logs import log_to

log_to(snakemake.log[0])
patients = read_cohort(snakemake.input.cohort)
excluded = set(read_exclusions(snakemake.input.exclusions))
settings = snakemake.params.settings
if snakemake.input.file:
    split = check_split(snakemake.input.file, patients=patients, excluded=excluded)
else:
    split = make_split(
        patients[~patients["patient"].isin(excluded)],
        counts=settings["counts"],
        fractions=settings["fractions"],
        seed=settings["seed"],
    )
write_split(snakemake.output.split, split)
