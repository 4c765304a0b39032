"""Make a few phantom brain tumours as the files of Buda 2019 (TIFF), for 3D medical weights."""

from strokeclock.job import run
from strokeclock.phantom.tumour import write_lgg

run(snakemake, write_lgg)
