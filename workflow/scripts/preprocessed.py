"""Draw Figure 3: one patient's registered DWI, FLAIR and T2w.

Inputs: preprocessed (tables of files), split, exclusions. Outputs: svg, png. Settings: none.
"""

from strokeclock.batches import read_batches
from strokeclock.figures.preprocessed import TITLES, draw_preprocessed
from strokeclock.figures.style import save_figure
from strokeclock.logs import log_to

log_to(snakemake.log[0])
figure = draw_preprocessed(
    {
        patient: {series: files[series] for series in TITLES}
        for patient, files in read_batches(snakemake.input.preprocessed).items()
    },
    split=snakemake.input.split,
    exclusions=snakemake.input.exclusions,
)
save_figure(figure, *snakemake.output)
