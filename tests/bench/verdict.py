"""Whether a goal is met, as far as the measurement can say."""

from dataclasses import dataclass

MET = "goal met"
NOT_MET = "goal not met"
TOO_NOISY = "too noisy"
DISTURBED_SHARE_MAX = 0.5


@dataclass
class Verdict:
    about: str
    outcome: str
    why: str

    def line(self):
        return f"{self.outcome}: {self.about}: {self.why}"


def written(found):
    return f"{found.median:.3f} [{found.low:.3f} to {found.high:.3f}]"


def outcome(found, limit, tolerance, is_met, disturbed_share):
    """
    Where the limit is within the error, the median decides, unless the error is more than what is tolerated or most of
    the slices were disturbed.
    """
    is_clear = abs(found.median - limit) > found.error
    if (not is_clear and found.error > tolerance) or disturbed_share > DISTURBED_SHARE_MAX:
        return TOO_NOISY
    return MET if is_met else NOT_MET


def at_most(about, found, limit, tolerance=0.03, disturbed_share=0.0):
    decided = outcome(found, limit, tolerance, found.median <= limit, disturbed_share)
    return Verdict(about, decided, f"{written(found)}, at most {limit:.4g}")


def at_least(about, found, limit, tolerance=0.1, disturbed_share=0.0):
    decided = outcome(found, limit, tolerance, found.median >= limit, disturbed_share)
    return Verdict(about, decided, f"{written(found)}, at least {limit:.4g}")


def no_worse(about, found, tolerance, disturbed_share=0.0):
    """Met unless it is more than 1 by more than the error."""
    decided = outcome(found, 1, tolerance, found.median - found.error <= 1, disturbed_share)
    return Verdict(about, decided, f"{written(found)}, no worse than 1 within an error of {found.error:.3f}")


def plain(about, met, why):
    """Of what is counted and not timed."""
    return Verdict(about, MET if met else NOT_MET, why)
