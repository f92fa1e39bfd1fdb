"""Where the time of a training goes: clocks, plain records, a verdict."""

from fastdata.profiling.record import Profile as Profile
from fastdata.profiling.store import read_profile as read_profile
from fastdata.profiling.store import write_profile as write_profile

__all__ = ["Profile", "read_profile", "write_profile"]
