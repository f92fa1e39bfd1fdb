#pragma once

#include <cstdint>

#include "geometry.h"
#include "jpeg_mcus.h"

namespace fastdata {

/// The pixels of a picture, made smaller by a denominator, that have part of the stored ones.
Rect shrunk(Rect stored, int denominator);

/// Part of a row of a smaller plane: rounded means of `down` x `across` samples, each 1, 2, 4 or 8.
///
/// @param y The row, in samples of the smaller plane; x the first column, likewise.
/// @param count How many samples.
/// @param sums Memory for count * across numbers.
void shrink_row(const JpegPlane& plane, int down, int across, int y, int x, int count,
                std::uint16_t* sums, std::uint8_t* out);

}  // namespace fastdata
