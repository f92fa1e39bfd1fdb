"""Bytes to arrays and back: JPEG, PNG and mask files.

Only JPEG and PNG are read, by content and not by name, through Pillow's decoders; nothing a file
contains leads to anything but pixels or an `InputError`.
"""

from fastdata.codecs.decode import decode_image, decode_mask, open_image, probe
from fastdata.codecs.encode import encode_jpeg, encode_mask_png, encode_png
from fastdata.codecs.header import ImageHeader
from fastdata.codecs.jpeg_crop import CroppedJpeg, crop_jpeg
from fastdata.codecs.jpeg_transcode import can_transcode, transcode_jpeg
from fastdata.codecs.limits import Limits
from fastdata.codecs.sniff import image_format, looks_like
from fastdata.codecs.strict import decode_strictly

__all__ = [
    "CroppedJpeg",
    "ImageHeader",
    "Limits",
    "can_transcode",
    "crop_jpeg",
    "decode_image",
    "decode_mask",
    "decode_strictly",
    "encode_jpeg",
    "encode_mask_png",
    "encode_png",
    "image_format",
    "looks_like",
    "open_image",
    "probe",
    "transcode_jpeg",
]
