"""Write the page to read: what the run did and found, in one file without a network.

Inputs: made (all that the run made), template, captions. Output: page (index.html).
Settings: the whole configuration, which networks and arms were not run.
"""

from strokeclock.logs import log_to
from strokeclock.report.page import write_page

log_to(snakemake.log[0])
write_page(
    snakemake.output.page,
    snakemake.input.made,
    config=snakemake.params.settings,
    template=snakemake.input.template,
    captions=snakemake.input.captions,
    not_run=snakemake.params.not_run,
)
