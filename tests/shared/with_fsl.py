"""Tests that run FSL's programs are skipped where FSL is absent."""

import os

import pytest

from strokeclock.errors import MissingSoftwareError
from strokeclock.imaging.fsl import require_fsl


def fsl_is_absent():
    try:
        require_fsl(os.environ)
    except MissingSoftwareError:
        return True
    return False


needs_fsl = pytest.mark.skipif(
    fsl_is_absent(), reason="FSL is not installed: FSLDIR or its programs are absent"
)
