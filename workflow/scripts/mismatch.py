"""Draw Figure 1: DWI-FLAIR mismatch in an early and a late patient.

Inputs: preprocessed (tables of files), cohort, split, volumes (lesions lie beside it). Outputs: svg, png.
Settings: none.
"""

from strokeclock.batches import read_batches
from strokeclock.figures.mismatch import draw_mismatch
from strokeclock.figures.preprocessed import TITLES
from strokeclock.figures.style import save_figure
from strokeclock.logs import log_to

log_to(snakemake.log[0])
figure = draw_mismatch(
    {
        patient: {series: files[series] for series in TITLES}
        for patient, files in read_batches(snakemake.input.preprocessed).items()
    },
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    volumes=snakemake.input.volumes,
)
save_figure(figure, *snakemake.output)
