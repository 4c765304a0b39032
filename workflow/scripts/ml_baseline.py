"""Write the radiomics baseline beside the networks, on the test patients whom it can use.

Inputs: predictions, baselines, record (what predict_ml chose), cohort, split.
Output: ml_baseline.csv.
Settings: evaluation.confidence, the phases' below_min.
"""

from strokeclock.evaluation.ml_table import write_ml_table
from strokeclock.logs import log_to

log_to(snakemake.log[0])
write_ml_table(
    [*snakemake.input.predictions, *snakemake.input.baselines],
    snakemake.output[0],
    record=snakemake.input.record[0],
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    confidence=snakemake.params.confidence,
    tasks=snakemake.params.tasks,
)
