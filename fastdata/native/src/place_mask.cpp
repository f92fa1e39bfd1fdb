#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "errors.h"
#include "place.h"
#include "row_writer.h"
#include "scratch.h"
#include "stretch.h"

namespace fastdata {

namespace {

using Offset = std::ptrdiff_t;

/// The source pixel nearest to each result pixel of an axis, as Pillow rounds for this type.
///
/// Source: Pillow, src/libImaging/Geometry.c: bytes go through `ImagingScaleAffine`, which adds up
/// steps; 16-bit pixels through `affine_transform`, which multiplies.
template <class T>
void nearest(const Stretch& stretch, Offset* indices) {
    double at = stretch.start() + stretch.scale() * 0.5;
    for (int i = 0; i < stretch.count(); ++i, at += stretch.scale()) {
        if (sizeof(T) > 1) at = stretch.scale() * (i + 0.5) + stretch.start();
        indices[i] = std::min(static_cast<int>(at), stretch.size() - 1);
    }
}

/// Turns indices of upright rows or columns into offsets in memory.
struct StoredAxis {
    int size;        ///< Pixels of the whole picture on this axis.
    bool mirrored;   ///< What is last as stored is first in the upright picture.
    int from, held;  ///< The part in memory.
    Offset stride;

    void locate(Offset* indices, int count) const {
        for (int i = 0; i < count; ++i) {
            const Offset index = mirrored ? size - 1 - indices[i] : indices[i];
            if (index < from || index >= from + held) {
                throw BadInput("the mask needs row or column " + std::to_string(index) +
                               "; expected a window that has it, not one from " +
                               std::to_string(from) + " to " + std::to_string(from + held));
            }
            indices[i] = (index - from) * stride;
        }
    }
};

template <class T, class Id>
void copy_ids(const T* ids, const Offset* rows, const Offset* columns, const Target& target) {
    for (int y = 0; y < target.height; ++y) {
        const T* row = ids + rows[y];
        std::uint8_t* to = target.data + y * target.row_stride;
        for (int x = 0; x < target.width; ++x, to += target.column_stride) {
            const Id id = row[columns[x]];
            std::memcpy(to, &id, sizeof id);
        }
    }
}

template <class T>
void check_mask(const Pixels<T>& pixels, const Placement& placement, bool swaps,
                const Target& target) {
    const int height = swaps ? pixels.width : pixels.height;
    placement.check(height, swaps ? pixels.height : pixels.width);
    const bool transposed = placement.turn.transpose;
    check_target(target, transposed ? placement.width : placement.height,
                 transposed ? placement.height : placement.width, 1);
    const bool fits =
        target.type == Target::Type::u16 || (target.type == Target::Type::u8 && sizeof(T) == 1);
    if (!fits || pixels.channels != 1 || pixels.denominator != 1) {
        throw BadInput("a mask of another type; expected ids of one channel that fit the target");
    }
}

}  // namespace

template <class T>
void place_mask(const Pixels<T>& pixels, const Placement& placement, int orientation,
                const Target& target, Scratch& scratch) {
    const Turn upright = Turn::upright(orientation), turn = placement.turn;
    check_mask(pixels, placement, upright.transpose, target);
    StoredAxis rows{pixels.height, upright.flip_rows, pixels.window.top, pixels.window.height,
                    pixels.row_stride};
    StoredAxis columns{pixels.width, upright.flip_columns, pixels.window.left, pixels.window.width,
                       1};
    if (upright.transpose) {
        // Rows of the upright mask are columns as stored, mirrored as upright rows are.
        std::swap(rows, columns);
        std::swap(rows.mirrored, columns.mirrored);
    }
    const Box& box = placement.box;
    Scratch::Memory& memory = scratch.memory();
    Offset* by_row = memory.row_offsets.at_least(static_cast<std::size_t>(placement.height));
    Offset* by_column = memory.column_offsets.at_least(static_cast<std::size_t>(placement.width));
    nearest<T>(Stretch(box.top, box.height, placement.height, rows.size), by_row);
    nearest<T>(Stretch(box.left, box.width, placement.width, columns.size), by_column);
    rows.locate(by_row, placement.height);
    columns.locate(by_column, placement.width);
    if (turn.transpose) std::swap(by_row, by_column);
    if (turn.flip_rows) std::reverse(by_row, by_row + target.height);
    if (turn.flip_columns) std::reverse(by_column, by_column + target.width);
    if (target.type == Target::Type::u8) {
        copy_ids<T, std::uint8_t>(pixels.data, by_row, by_column, target);
    } else {
        copy_ids<T, std::uint16_t>(pixels.data, by_row, by_column, target);
    }
    memory.trim();
}

template void place_mask(const Pixels<std::uint8_t>&, const Placement&, int, const Target&,
                         Scratch&);
template void place_mask(const Pixels<std::uint16_t>&, const Placement&, int, const Target&,
                         Scratch&);

}  // namespace fastdata
