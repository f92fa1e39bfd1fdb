"""Parts of a pack, and a pack behind a function: both are map-style datasets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastdata.errors import UsageError
from fastdata.packs.base import Indices
from fastdata.packs.fields import as_indices
from fastdata.schema import Label, Scalar, Schema

if TYPE_CHECKING:
    from fastdata.packs.pack import Pack

__all__ = ["MappedPack", "PackView", "select"]


class PackView:
    """Some samples of a pack, in an order of their own; loaders keep the pack's fast path.

    Args:
        pack: The pack.
        indices: Their positions in it, (n,) int64.
    """

    def __init__(self, pack: Pack, indices: Any) -> None:
        self.pack = pack
        self.indices: Indices = as_indices(indices, len(pack))

    @property
    def schema(self) -> Schema:
        """The pack's fields."""
        return self.pack.schema

    @property
    def sample_type(self) -> type:
        """The pack's named tuple class."""
        return self.pack.sample_type

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        """Sample `index` of the view, as `Pack.__getitem__` gives it."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Several samples of the view at once."""
        return self.pack.__getitems__(self._inside(indices))  # type: ignore[arg-type]

    def column(self, name: str) -> NDArray[Any]:
        """The view's values of a column, (n, ...), a copy."""
        return self.pack.column(name)[self.indices]

    def sizes(self, name: str) -> NDArray[Any]:
        """The view's (height, width), (n, 2) int32."""
        return self.pack.sizes(name)[self.indices]

    def key(self, index: int) -> str:
        """Source name of sample `index` of the view."""
        return self.pack.key(int(self._inside([index])[0]))

    def subset(self, **equals: Any) -> PackView:
        """The samples of the view whose columns equal all these values; see `Pack.subset`."""
        return PackView(self.pack, select(self.pack, self.indices, equals))

    def map(self, function: Callable[[Any], Any]) -> MappedPack:
        """The dataset of ``function(sample)``."""
        return MappedPack(self, function)

    def __repr__(self) -> str:
        return f"<{len(self)} samples of {self.pack!r}>"

    def _inside(self, indices: Any) -> Indices:
        return self.indices[as_indices(indices, len(self))]


class MappedPack:
    """A dataset that gives ``function(sample)``.

    Args:
        dataset: A pack or a part of one.
        function: Called with one sample; must be picklable where worker processes are spawned.
    """

    def __init__(self, dataset: Pack | PackView, function: Callable[[Any], Any]) -> None:
        self.dataset = dataset
        self.function = function

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        """The function's result for sample `index`."""
        return self.function(self.dataset[index])

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """The function's results for several samples."""
        return [self.function(sample) for sample in self.dataset.__getitems__(indices)]


def select(pack: Pack, indices: Indices, equals: Mapping[str, Any]) -> Indices:
    """Those of `indices` whose columns equal all of `equals`; class names stand for ids.

    Raises:
        UsageError: A name is no label or scalar, or a class name is unknown.
    """
    for name, value in equals.items():
        field = pack.schema.get(name)
        if not isinstance(field, Label | Scalar):
            choices = [key for key, kind in pack.schema.items() if isinstance(kind, Label | Scalar)]
            raise UsageError(
                f"cannot select by {name!r} in {pack.path}; its labels and numbers are: "
                f"{', '.join(choices) or 'none'}"
            )
        if isinstance(field, Label) and isinstance(value, str):
            if value not in field.classes:
                raise UsageError(
                    f"{name} has no class {value!r} in {pack.path}; it has "
                    f"{', '.join(field.classes)}"
                )
            value = field.classes.index(value)
        indices = indices[np.asarray(pack.column(name)[indices] == value, np.bool_)]
    return indices
