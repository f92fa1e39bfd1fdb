#pragma once

#include <cstdint>
#include <vector>

#include "bytes.h"
#include "geometry.h"
#include "jpeg_header.h"

namespace fastdata {

/// Cuts a small JPEG out of one that has restart markers, without decoding anything: the restart
/// segments that cover `wanted` are copied behind a header of patched size.
///
/// The pixels of `wanted` decode from `out` as they decode from `data`, bit for bit: libjpeg's
/// smooth upsampling of chroma looks at one neighbouring sample, so a further segment is taken
/// where `wanted` comes that close to a segment's edge. Metadata (orientation, colour profile,
/// comments) are left out; what tells the colours (JFIF, Adobe) stays.
///
/// @param wanted  Stored pixels, inside the picture and not empty.
/// @param denominator  1, 2, 4 or 8: how much smaller the picture will be decoded. Upsampling
///     reaches farther then, or not at all.
/// @param out  Overwritten; its memory is used again.
/// @param covered  The stored pixels that `out` shows: its pixel (0, 0) is pixel (top, left).
/// @return False, and `out` undefined, where it cannot be done or would save nothing: no baseline
///     JPEG of one scan, no restart markers, markers that do not match the header, or segments that
///     cover the whole picture anyway.
bool crop_jpeg(Bytes data, const JpegHeader& header, Rect wanted, int denominator,
               std::vector<std::uint8_t>& out, Rect& covered);

/// The whole JPEG without what `crop_jpeg` leaves out.
void strip_jpeg(Bytes data, const JpegHeader& header, std::vector<std::uint8_t>& out);

}  // namespace fastdata
