"""The phantom's default laws, written out: a changed default must not move these tests."""

import pytest


@pytest.fixture(scope="session")
def laws():
    return {
        "seed": 0,
        "site": "siemens",
        "tissue_clock_sigma": 0.8,
        "t2_nuisance": 0.04,
        "contrast_gain": 2.0,
        "lesion_time_sigma": 0.6,
        "bilateral": 0.02,
        "dwi_negative": 0.05,
    }
