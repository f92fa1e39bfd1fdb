"""Samples to bytes and back: nested Python values, arrays and tensors, without pickle.

A frozen sample is the length of a JSON text (4 bytes, little-endian), the text, and the contents
of its arrays, tensors and bytes, each from a multiple of 16 on. The text says what the value is
made of; it is the same for many samples, and is then parsed once.
"""

from __future__ import annotations

import functools
import json
import math
import re
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from fastdata.errors import PackCorrupt, UsageError
from fastdata.sampletype import record_type

__all__ = ["Freezer"]

_ALIGN = 16
_LENGTH = struct.Struct("<I")
_ARRAY_KINDS = "biufcSUMm"
_DTYPE = re.compile(rf"[<>|][{_ARRAY_KINDS}]\d+(\[\w+\])?")
_RUN_TIME = record_type("_", ()).__module__

# What damaged bytes can lead to; nothing else is done with them.
_MISREADINGS = (
    struct.error,
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)

_Form = Any
_Key = tuple[str, str, tuple[str, ...]]


class Freezer:
    """Freezes samples of one dataset, and thaws them in the types they had.

    Named tuples come back as their own class: one met before, or one that can be looked up in a
    module that is loaded already. Nothing is ever imported or called because of stored bytes.
    """

    def __init__(self) -> None:
        self._classes: dict[_Key, Any] = {}

    def freeze(self, value: Any, name: str) -> bytes:
        """The bytes of a sample.

        Args:
            value: Nested tuples, named tuples, lists and dicts of arrays, tensors, numbers, text,
                bytes, bools and None.
            name: Of the sample, for messages.

        Raises:
            UsageError: Something else is in it; the message says where.
        """
        buffers: list[Any] = []
        text = json.dumps(self._form(value, buffers, name), separators=(",", ":")).encode("ascii")
        parts = [_LENGTH.pack(len(text)), text]
        length = _LENGTH.size + len(text)
        for buffer in buffers:
            gap = -length % _ALIGN
            parts += [bytes(gap), buffer]
            length += gap + len(buffer)
        return b"".join(parts)

    def thaw(self, data: memoryview) -> Any:
        """The sample of these bytes, in memory of its own.

        Raises:
            PackCorrupt: They are no frozen sample.
        """
        try:
            (length,) = _LENGTH.unpack_from(data)
            start = _LENGTH.size + length
            return self._value(_parsed(bytes(data[_LENGTH.size : start])), _Reader(data, start))
        except _MISREADINGS as error:
            raise PackCorrupt(
                f"a cached sample cannot be read ({error}); delete the cache, and build it again"
            ) from error

    def shape_of(self, value: Any) -> str:
        """What a sample is made of, without sizes and values: equal for samples of one dataset."""
        return json.dumps(_outline(self._form(value, [], "the first sample")))

    def _form(self, value: Any, buffers: list[Any], where: str) -> _Form:
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            return {"i": str(value)}
        if kind is float:
            return {"f": value.hex()}
        if kind is complex:
            return {"c": [value.real.hex(), value.imag.hex()]}
        if kind is bytes:
            buffers.append(value)
            return {"b": len(value)}
        if kind is list or kind is tuple:
            items = [self._form(entry, buffers, f"{where}[{at}]") for at, entry in enumerate(value)]
            return items if kind is list else {"t": items}
        if kind is dict:
            return {
                "d": [
                    [self._form(key, buffers, where), self._form(v, buffers, f"{where}[{key!r}]")]
                    for key, v in value.items()
                ]
            }
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            key = (kind.__module__, kind.__qualname__, tuple(value._fields))
            self._classes[key] = kind
            entries = zip(value._fields, value, strict=True)
            items = [self._form(v, buffers, f"{where}.{name}") for name, v in entries]
            return {"n": [*key[:2], list(key[2]), items]}
        return _array_form(value, buffers, where)

    def _value(self, form: _Form, reader: _Reader) -> Any:
        if form is None or isinstance(form, bool | str):
            return form
        if isinstance(form, list):
            return [self._value(entry, reader) for entry in form]
        ((tag, body),) = form.items()
        if tag == "t":
            return tuple([self._value(entry, reader) for entry in body])
        if tag == "d":
            return {self._value(k, reader): self._value(v, reader) for k, v in body}
        if tag == "n":
            module, name, fields, items = body
            values = [self._value(entry, reader) for entry in items]
            return self._class((module, name, tuple(fields)))._make(values)
        return _LEAVES[tag](body, reader)

    def _class(self, key: _Key) -> Any:
        if key not in self._classes:
            module, name, fields = key
            found: Any = record_type(name, fields) if module == _RUN_TIME else sys.modules[module]
            for part in name.split(".") if module != _RUN_TIME else ():
                found = getattr(found, part)
            is_it = isinstance(found, type) and issubclass(found, tuple)
            if not is_it or getattr(found, "_fields", None) != fields:
                raise KeyError(f"{module}.{name} is no named tuple of {fields}")
            self._classes[key] = found
        return self._classes[key]


class _Reader:
    """Hands out the buffers of a frozen sample, one after the other."""

    def __init__(self, data: memoryview, position: int) -> None:
        self._data = data
        self._position = position

    def take(self, length: int) -> memoryview:
        start = self._position + -self._position % _ALIGN
        self._position = start + length
        if length < 0 or self._position > len(self._data):
            raise ValueError(f"{self._position} bytes are needed, {len(self._data)} are there")
        return self._data[start : self._position]


def _array_form(value: Any, buffers: list[Any], where: str) -> _Form:
    if isinstance(value, np.generic) and value.dtype.kind in _ARRAY_KINDS:
        buffers.append(value.tobytes())
        return {"g": value.dtype.str}
    if type(value) in (np.ndarray, np.memmap) and value.dtype.kind in _ARRAY_KINDS:
        buffers.append(value.tobytes())
        return {"a": [value.dtype.str, list(value.shape)]}
    if type(value) is torch.Tensor and value.layout is torch.strided and not value.is_quantized:
        if value.requires_grad or value.device.type != "cpu":
            raise UsageError(
                f"{where} is a tensor on {value.device} with requires_grad={value.requires_grad}; "
                "a cache keeps plain ones in main memory: add .detach().cpu() to the dataset"
            )
        flat = value.contiguous().resolve_conj().resolve_neg().reshape(-1).view(torch.uint8)
        buffers.append(flat.numpy().tobytes())
        return {"T": [str(value.dtype).removeprefix("torch."), list(value.shape)]}
    raise UsageError(
        f"{where} is a {type(value).__module__}.{type(value).__qualname__}, which a cache cannot "
        "keep; let the dataset return arrays, tensors, numbers, text or bytes, in tuples, lists or "
        "dicts"
    )


def _dtype(text: str) -> np.dtype[Any]:
    """The dtype of this `str`; NumPy itself reads far more, some of it as Python."""
    if not _DTYPE.fullmatch(text):
        raise ValueError(f"{text!r} is no dtype of an array")
    return np.dtype(text)


def _thaw_array(body: Any, reader: _Reader) -> Any:
    dtype, shape = _dtype(body[0]), body[1]
    data = reader.take(dtype.itemsize * math.prod(shape))
    return (
        np.frombuffer(bytearray(data), dtype).reshape(shape)
        if len(data)
        else np.empty(shape, dtype)
    )


def _thaw_tensor(body: Any, reader: _Reader) -> torch.Tensor:
    dtype, shape = getattr(torch, body[0]), body[1]
    if not isinstance(dtype, torch.dtype):
        raise ValueError(f"{body[0]} is no dtype of torch")
    data = reader.take(dtype.itemsize * math.prod(shape))
    if not len(data):
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).view(dtype).reshape(shape)


def _thaw_scalar(body: Any, reader: _Reader) -> Any:
    dtype = _dtype(body)
    return np.frombuffer(bytes(reader.take(dtype.itemsize)), dtype)[0]


_LEAVES: dict[str, Callable[[Any, _Reader], Any]] = {
    "i": lambda body, _: int(body),
    "f": lambda body, _: float.fromhex(body),
    "c": lambda body, _: complex(*map(float.fromhex, body)),
    "b": lambda body, reader: bytes(reader.take(body)),
    "a": _thaw_array,
    "T": _thaw_tensor,
    "g": _thaw_scalar,
}


@functools.lru_cache(maxsize=1024)
def _parsed(text: bytes) -> _Form:
    return json.loads(text)


def _outline(form: _Form) -> Any:
    if not isinstance(form, dict):
        return (
            sorted({json.dumps(_outline(e)) for e in form})
            if isinstance(form, list)
            else (type(form).__name__)
        )
    ((tag, body),) = form.items()
    if tag in "aT":
        return [tag, body[0]]
    if tag == "t":
        return [tag, *map(_outline, body)]
    if tag == "n":
        return [tag, body[1], *map(_outline, body[3])]
    if tag == "d":
        return [tag, *_pairs(body)]
    return tag


def _pairs(body: list[list[_Form]]) -> Iterator[Any]:
    for key, value in body:
        yield [key, _outline(value)]
