"""What the events of runs mean: diagnosis."""

from trm_explore.analysis.diagnosis import Finding, diagnose

__all__ = ["Finding", "diagnose"]
