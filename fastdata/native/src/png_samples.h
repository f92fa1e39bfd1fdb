#pragma once

#include <cstdint>

#include "png_chunks.h"

namespace fastdata {

/// `count` pixels of an unfiltered row, from column `left` on, as samples of 8 bits: values of
/// fewer bits as they are, of 16 bits their high byte.
///
/// @param made Memory for count * png.samples() bytes, used unless the row can serve itself.
const std::uint8_t* png_samples(const Png& png, const std::uint8_t* row, int left, int count,
                                std::uint8_t* made);

/// Such samples to pixels of 1 (gray) or 3 (RGB) channels, as Pillow converts them.
void png_pixels(const Png& png, const std::uint8_t* samples, int count, int channels,
                std::uint8_t* out);

}  // namespace fastdata
