"""Errors for the user: the message is one sentence that names the place and the remedy."""


class StrokeclockError(Exception):
    """Base of the errors that come from the input or the installation, not from the code."""


class ConfigurationError(StrokeclockError):
    """A configuration key or a sheet column is unknown, missing or out of range."""


class MissingSoftwareError(StrokeclockError):
    """A program that the chosen configuration needs is not installed."""


class KilledError(StrokeclockError):
    """A program was ended from outside, for lack of memory or time: no patient's series is the cause."""


# what a program returns that was ended by SIGINT, SIGKILL or SIGTERM
KILLED = (-2, -9, -15)


class PatientError(StrokeclockError):
    """One patient's data cannot be used; that patient is excluded, and the run goes on with the others.

    Attributes
    ----------
    patient : str
        Identifier as in the cohort sheet.
    reason : str
        One sentence that names the file and the remedy.
    """

    def __init__(self, patient: str, reason: str):
        super().__init__(f"patient {patient}: {reason}")
        self.patient = patient
        self.reason = reason

    def __reduce__(self) -> tuple[type["PatientError"], tuple[str, str]]:
        return type(self), (self.patient, self.reason)
