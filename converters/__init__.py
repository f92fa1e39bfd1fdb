"""Turns folders, lists, tables and series into packs."""

from fastdata.converters.options import LAYOUTS, ConvertOptions
from fastdata.converters.run import convert
from fastdata.converters.summary import ConversionSummary, Progress

__all__ = ["LAYOUTS", "ConversionSummary", "ConvertOptions", "Progress", "convert"]
