"""Turns folders, lists, tables and series into packs.

The files of this room, in the order in which data passes through them::

    options, detect                                   what is asked for, and which layout it is
    imagefolder, segmentation, pairs, table, windows  one file a layout: a schema and its items
    scan, completion                                  what only the files tell: sizes, mask ids
    recipe, loaded, resize                            one item to a sample's values
    pool, process, worker                             that in processes which may die
    run, summary                                      the conversion, and what it says of itself
"""

from fastdata.converters.options import LAYOUTS, ConvertOptions
from fastdata.converters.run import convert
from fastdata.converters.summary import ConversionSummary, Progress

__all__ = ["LAYOUTS", "ConversionSummary", "ConvertOptions", "Progress", "convert"]
