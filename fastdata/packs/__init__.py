"""Packs: how samples lie on disk, checked, memory-mapped, and readable by plain lmdb or h5py.

    with create_pack("out.lmdb", Schema({"image": Image(), "label": Label()})) as writer:
        writer.add(image=jpeg_bytes, label=3)
    pack = open_pack("out.lmdb")
    pack[0].image, pack.column("label")

Neither lmdb nor h5py is imported to read a pack; the one that is written to is imported then.

The files of this room, in the order in which data passes through them::

    writing   encoding, pixels                   a sample to stored bytes, in worker processes
              writer, staging, stream, journal   into NAME.partial, so that a resume loses nothing
              contents, lmdb_pack | hdf5_pack    from there into one data file
              publish                            durable, and under its name in one step
    opening   opening, lmdb_file | hdf5_file     checks first, the map last
              assemble, opened                   the map, its arrays, a reader for every field
              resolve, lmdb_locate               the same after another tool rewrote the file
    reading   pack, views, decoding              samples
              fields, units, mapping             bytes of the map, checked at their first read
    facts     base, manifest, layout, sealing    what a pack says of itself
"""

from fastdata.packs.base import PackInfo, Problem, RowSource, VerifyReport
from fastdata.packs.encoding import EncodedField, EncodedSample, encode_sample
from fastdata.packs.opening import open_pack, partial_of
from fastdata.packs.pack import Pack
from fastdata.packs.views import MappedPack, PackView
from fastdata.packs.writer import PackWriter, create_pack

__all__ = [
    "EncodedField",
    "EncodedSample",
    "MappedPack",
    "Pack",
    "PackInfo",
    "PackView",
    "PackWriter",
    "Problem",
    "RowSource",
    "VerifyReport",
    "create_pack",
    "encode_sample",
    "open_pack",
    "partial_of",
]
