#pragma once

#include <cstddef>

#include "bytes.h"
#include "processor.h"

namespace fastdata {

inline bool is_restart_marker(int marker) { return marker >= 0xD0 && marker <= 0xD7; }

// The argument `quick` of these functions asks for AVX2; the results are the same without.

/// Where the next marker starts at or after byte `at`: a 0xFF before a byte that is neither 0 (a
/// stuffed data byte) nor 0xFF (filling). `data.size` if there is none.
std::size_t find_marker(Bytes data, std::size_t at, bool quick = has_avx2());

/// Where the next marker starts that is no restart marker, so that a scan ends there.
std::size_t find_scan_end(Bytes data, std::size_t at);

/// Where the segment starts that follows `count` restart markers from byte `at` on, the first of
/// them number `first` (of the picture, so that its marker is 0xD0 + first % 8). `data.size` where
/// another marker comes in between, or the data end.
std::size_t skip_restarts(Bytes data, std::size_t at, int first, int count,
                          bool quick = has_avx2());

/// What the functions above use where the machine has AVX2. They look through whole blocks of
/// bytes, and where those end, leave `at` and `first` for the others to go on from.
namespace avx2 {

std::size_t find_marker(Bytes data, std::size_t at);
/// Counts `first` up to `end`, or stops before a block with a wrong marker.
void skip_restarts(Bytes data, std::size_t& at, int& first, int end);

}  // namespace avx2

}  // namespace fastdata
