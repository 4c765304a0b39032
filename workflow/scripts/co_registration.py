"""Register the other series to the T2w by FLIRT and carry all of them to the atlas grid.

Inputs: every series (whole head); stripped_<series>; t2w_to_atlas (FLIRT's); brain_mask; grid.
Outputs: every series, brain_mask; t2w_to_atlas and <series>_to_t2w (world to world, RAS+ mm).
Settings: preprocessing.fsl.flair_dof, flair_cost.
"""

from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.fsl import co_register
from strokeclock.logs import log_to
from strokeclock.series import SERIES

log_to(snakemake.log[0])
stripped = {
    name.removeprefix("stripped_"): path
    for name, path in snakemake.input.items()
    if name.startswith("stripped_")
}
run_step(
    lambda: co_register(
        {name: path for name, path in snakemake.input.items() if name in SERIES},
        stripped=stripped,
        t2w_to_atlas=snakemake.input.t2w_to_atlas,
        grid=snakemake.input.grid,
        brain_mask=snakemake.input.brain_mask,
        out={name: path for name, path in snakemake.output.items() if name in SERIES},
        brain_mask_out=snakemake.output.brain_mask,
        transforms={name: path for name, path in snakemake.output.items() if "_to_" in name},
        patient=snakemake.wildcards.patient,
        **snakemake.params.settings,
    ),
    patient=snakemake.wildcards.patient,
    inputs=[path for name, path in snakemake.input.items() if name != "grid"],
    outputs=snakemake.output,
)
