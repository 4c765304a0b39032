# strokeclock: time since stroke onset from DWI b0, DWI b1000 and FLAIR (Zhang, Polson et al. 2021).

import os
import sys

import yaml
from snakemake.utils import min_version, update_config

min_version("9.17")  # the first that requires pydantic


configfile: f"{workflow.current_basedir}/config/config.yaml"


# A workflow that takes this one as a module hands over its own configuration, and Snakemake then reads no other:
# what it leaves out is as in config/config.yaml.
with open(f"{workflow.current_basedir}/config/config.yaml") as file:
    whole = yaml.safe_load(file)
update_config(whole, config)
config.update(whole)

# This checkout's code, here and in scripts, whatever else is installed.
SOURCE = f"{workflow.current_basedir}/src"
sys.path.insert(0, SOURCE)
os.environ.update(
    PYTHONPATH=os.pathsep.join(filter(None, (SOURCE, os.getenv("PYTHONPATH"))))
)


include: "workflow/rules/common.smk"


container: settings.container


if settings.has_patients:

    include: "workflow/rules/cohort.smk"
    include: "workflow/rules/atlas.smk"
    include: "workflow/rules/phantom.smk"

    if not patients.in_template_space:

        include: "workflow/rules/preprocessing.smk"
    include: "workflow/rules/hemispheres.smk"
    include: "workflow/rules/lesions.smk"
    include: "workflow/rules/pretraining.smk"
    include: "workflow/rules/training.smk"
    include: "workflow/rules/search.smk"
    include: "workflow/rules/prediction.smk"
    include: "workflow/rules/explanation.smk"
    include: "workflow/rules/baselines.smk"
    include: "workflow/rules/evaluation.smk"
    include: "workflow/rules/fitted.smk"
    include: "workflow/rules/tables.smk"
    include: "workflow/rules/repeats.smk"
    include: "workflow/rules/statistics.smk"
    include: "workflow/rules/people.smk"
    include: "workflow/rules/end_to_end.smk"
    include: "workflow/rules/accuracy.smk"
    include: "workflow/rules/schematics.smk"
    include: "workflow/rules/figures.smk"
    include: "workflow/rules/bundle.smk"
    include: "workflow/rules/page.smk"
    include: "workflow/rules/checklists.smk"

    rule all:
        """Make everything: tables, figures, bundle and page. This is what is made where no target is named."""
        default_target: True
        input:
            rules.whole_run.input,
            [] if config["preprocessing"]["keep_volumes"] else plan.dropped,

    rule quality:
        """Preprocess and check all patients, and cut their hemispheres. Nothing is trained."""
        input:
            rules.quality_page.output,
            rules.hemisphere_manifest.output,
            patients.all_tables,
            plan.protocols,


if settings.reading.sheet:

    include: "workflow/rules/reading.smk"

else:

    rule read:
        input:
            lambda wildcards: refuse(
                "snakemake read needs the keys reading.bundle and reading.sheet."
            ),


if settings.external.sheet or settings.split.external or settings.split.file:

    include: "workflow/rules/external.smk"

else:

    rule external:
        input:
            lambda wildcards: refuse(
                "snakemake external needs the keys external.bundle and external.sheet, or a part external (split.external)."
            ),


if not settings.has_patients:

    rule all:
        default_target: True
        input:
            rules.read.input if settings.reading.sheet else [],
            rules.external.input if settings.external.sheet else [],


# What was made by other code is stale: that of the script and of all that it imports.
for one in workflow.rules:
    if one.script and Path(one.snakefile).is_relative_to(BASE):
        if workflow.is_main_process:
            check_whole(one)
        one.set_params(code=partial(code_of, Path(one.snakefile).parent / one.script))

if workflow.is_main_process:
    remove_false_tables()


onstart:
    # Snakemake does not say why a job waits that it has handed to Slurm.
    if shutil.which("squeue"):
        Thread(
            target=watch_jobs,
            args=[Path.cwd()],
            kwargs={"tell": logger.warning},
            daemon=True,
        ).start()


# Snakemake plans a further look for work after each job (max-jobs-per-timespan): at the end of the run it is not
# needed, and would keep the command for ten seconds.
onsuccess:
    end_timers()


onerror:
    end_timers()
