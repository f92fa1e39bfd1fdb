#pragma once

#include "bytes.h"
#include "choices.h"

namespace fastdata::fuzz {

/// A picture of more pixels, all its scans together, is only looked at, for time's sake.
constexpr std::int64_t kMostPixels = 1 << 18;

/// Header walk, both decoders, crop and transcode, all of which must agree on a JPEG.
void check_jpeg(Bytes input, Choices choices);

/// Pixels and ids of a PNG file, and of one made with `input` as its rows.
void check_png(Bytes input, Choices choices);

/// The loop over a batch, in which a good record stands beside `input`.
void check_batch(Bytes input, Choices choices);

/// The portable kernels against those for newer instructions, with `input` as pixels.
void check_kernels(Bytes input, Choices choices);

/// Everything above.
void check_all(Bytes input);

}  // namespace fastdata::fuzz
