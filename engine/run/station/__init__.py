"""Which machines run together, with which parameters, on which adapters: station files, environment, ``--set``."""

from engine.run.station.build import build
from engine.run.station.plan import AdapterPlan, MachinePlan, Station, StationError
from engine.run.station.resolve import Overrides, resolve

__all__ = ["AdapterPlan", "MachinePlan", "Overrides", "Station", "StationError", "build", "resolve"]
