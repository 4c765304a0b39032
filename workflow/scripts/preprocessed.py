"""Draw Figure 3: one patient's registered DWI, FLAIR and T2w.

Inputs: dwi, flair, t2w (of every patient), split, exclusions. Outputs: svg, png. Settings: none.
"""

from strokeclock.figures.preprocessed import TITLES, draw_preprocessed
from strokeclock.logs import log_to

log_to(snakemake.log[0])
draw_preprocessed(
    {
        patient: {series: snakemake.input[series][i] for series in TITLES}
        for i, patient in enumerate(snakemake.params.patients)
    },
    snakemake.output,
    split=snakemake.input.split,
    exclusions=snakemake.input.exclusions,
)
