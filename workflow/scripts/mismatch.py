"""Draw Figure 1: DWI-FLAIR mismatch in an early and a late patient.

Inputs: dwi, flair, t2w (of every patient), cohort, split, volumes (lesions lie beside it). Outputs: svg, png.
Settings: none.
"""

from strokeclock.figures.mismatch import draw_mismatch
from strokeclock.figures.preprocessed import TITLES
from strokeclock.logs import log_to

log_to(snakemake.log[0])
draw_mismatch(
    {
        patient: {series: snakemake.input[series][i] for series in TITLES}
        for i, patient in enumerate(snakemake.params.patients)
    },
    snakemake.output,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    volumes=snakemake.input.volumes,
)
