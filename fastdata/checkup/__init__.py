"""A checkup of the machine: what training would use, and what is wrong with it, as records."""

from fastdata.checkup.examine import examine
from fastdata.checkup.finding import Finding, Section, State
from fastdata.checkup.stress import stress

__all__ = ["Finding", "Section", "State", "examine", "stress"]
