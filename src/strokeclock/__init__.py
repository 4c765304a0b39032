"""strokeclock: time since stroke onset from DWI b0, DWI b1000 and FLAIR."""

__version__ = "1.0.0"
