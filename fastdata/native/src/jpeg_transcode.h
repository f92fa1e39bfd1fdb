#pragma once

#include <cstdint>
#include <vector>

#include "bytes.h"
#include "image_limits.h"

namespace fastdata {

/// Writes the same quantised coefficients as one baseline scan with optimised Huffman tables and
/// restart markers, so that `crop_jpeg` can cut the result; it decodes to the same pixels.
///
/// Of the metadata, only the orientation is kept (as EXIF), and what tells the colours.
///
/// @param segment_width  The most pixels between two restart markers, from 1 up: the interval is
///     the largest divisor of a row's units (MCUs) that is not wider, or one unit.
/// @param out  Overwritten.
/// @return False, and `out` undefined, where the result could not decode to the same pixels: a
///     progressive file that ends before its last refinement, tables that change between scans.
/// @throws BadInput  The file is damaged, be it so little that libjpeg only warns; or it is not
///     supported, or over a limit.
bool transcode_jpeg(Bytes data, const Limits& limits, int segment_width,
                    std::vector<std::uint8_t>& out);

/// Reads all of a JPEG's coefficients, and throws what `transcode_jpeg` throws.
void check_jpeg(Bytes data, const Limits& limits);

}  // namespace fastdata
