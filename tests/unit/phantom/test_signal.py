"""Signal equations against reference magnitudes at 3 T (FLAIR TE 110, TR 9000; EPI TE 95, TR 6000 ms)."""

import numpy as np
import pytest

from strokeclock.phantom.signal import diffusion_signal, flair_signal, null_inversion_time

STANISZ = {  # PD, T1, T2 (ms), ADC (mm2/s) at 3 T
    "gm": (0.82, 1820, 99, 0.83e-3),
    "wm": (0.70, 1084, 69, 0.73e-3),
    "wmh": (0.80, 1450, 110, 1.05e-3),
    "csf": (1.00, 4200, 1800, 3.00e-3),
}
REFERENCE = {  # FLAIR, b0, b1000
    "gm": (0.135, 0.302, 0.132),
    "wm": (0.114, 0.176, 0.085),
    "wmh": (0.190, 0.332, 0.116),
    "csf": (0.014, 0.721, 0.036),
}


@pytest.mark.parametrize("name", REFERENCE)
def test_signals_have_the_reference_magnitudes(name):
    pd, t1, t2, adc = STANISZ[name]
    flair = flair_signal(pd, t1, t2, tr=9000, te=110, ti=2500)
    b0, b1000 = (diffusion_signal(pd, t1, t2, adc, tr=6000, te=95, b=b) for b in (0, 1000))
    assert (flair, b0, b1000) == pytest.approx(REFERENCE[name], abs=6e-4)


def test_fluid_vanishes_at_its_null_time():
    ti = null_inversion_time(9000)
    assert ti == pytest.approx(2445.3, abs=0.05)
    assert flair_signal(1.0, 4200, 1800, tr=9000, te=100, ti=ti) == pytest.approx(0, abs=1e-12)


def test_adc_comes_back_from_the_noise_free_signals():
    adc = np.array([0.55e-3, 0.83e-3, 3.0e-3])
    b0, b1000 = (diffusion_signal(0.8, 1500, 90, adc, tr=5000, te=90, b=b) for b in (0, 1000))
    np.testing.assert_allclose(np.log(b0 / b1000) / 1000, adc, rtol=1e-12)
