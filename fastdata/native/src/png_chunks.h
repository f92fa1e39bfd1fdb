#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bytes.h"

namespace fastdata {

/// What the chunks of a plain PNG say: whole, not interlaced, checksums right.
struct Png {
    enum Colour { gray = 0, rgb = 2, palette = 3, gray_alpha = 4, rgb_alpha = 6 };

    int height = 0;
    int width = 0;
    int bits = 0;  ///< Of one sample: 1, 2, 4, 8 or 16.
    int colour = gray;
    int orientation = 1;
    Bytes colours;            ///< The palette, red, green and blue of each.
    std::vector<Bytes> data;  ///< The compressed pixels.

    /// Samples of one pixel.
    int samples() const;
    /// Bytes of a row of samples, without the one that tells its filter.
    std::size_t row_bytes() const;
};

/// Walks the chunks of a file; checks the size against the limits before anything else.
///
/// @throws BadInput The picture is empty or too large.
/// @throws NotHere The file is interlaced, keeps its orientation in text, or is not right in some
///     way: which way, the Pillow twin tells.
Png read_png_chunks(Bytes file);

}  // namespace fastdata
