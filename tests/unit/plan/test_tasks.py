"""The tasks of the phases."""

import pytest
from shipped_plan import RUN, SIX_HOURS

from strokeclock.errors import ConfigurationError
from strokeclock.plan.plan import make_plan


def test_the_limits_of_the_shipped_configuration(planned):
    plan = planned()
    assert list(plan.tasks.below_min.values()) == [None, 180, 270, 270]
    assert plan.tasks.phases == ["phase1_stroke", "phase2_tss3h", "phase3_tss4h5", "phase4_attention"]
    assert plan.tasks.time_phases == ["phase2_tss3h", "phase3_tss4h5"]


def test_phases_that_contradict_each_other(shipped):
    phase = SIX_HOURS | {"after": "phase9_gone"}
    config = shipped | {"training": shipped["training"] | {"phase5_tss6h": phase}}
    with pytest.raises(ConfigurationError, match=r"phase5_tss6h\.after is 'phase9_gone'"):
        make_plan(config, folder=RUN)
